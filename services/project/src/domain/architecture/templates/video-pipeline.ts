import { defineTemplate } from "./define-template.ts";

/** Work measured in seconds: what counts is the number of transcoders, and how long the backlog is after a peak. */
export const videoPipeline = defineTemplate({
  id: "video-pipeline",
  name: "Video upload and transcoding",
  description:
    "Uploads go to object storage, transcoding jobs to a queue, finished videos to a catalogue and a content delivery network. Transcoders work one video at a time for half a minute.",
  tags: ["media", "queue", "batch"],
  architecture: {
    components: [
      { id: "creators", kind: "client", name: "Creators" },
      { id: "viewers", kind: "client", name: "Viewers" },
      {
        id: "upload-service",
        kind: "service",
        name: "Upload service",
        instances: 2,
        concurrency: 12,
        serviceTime: { meanMs: 120 },
      },
      {
        id: "object-storage",
        kind: "database",
        name: "Object storage",
        image: "minio/minio",
        instances: 4,
        concurrency: 8,
        serviceTime: { kind: "lognormal", meanMs: 250, cv: 1 },
      },
      { id: "transcode-jobs", kind: "queue", name: "Transcoding jobs", image: "rabbitmq:4" },
      {
        id: "transcoder",
        kind: "service",
        name: "Transcoders",
        instances: 60,
        concurrency: 1,
        queueCapacity: 10_000,
        serviceTime: { kind: "lognormal", meanMs: 14_000, cv: 0.8 },
      },
      { id: "catalogue-service", kind: "service", name: "Catalogue service", instances: 2, concurrency: 10 },
      {
        id: "catalogue-db",
        kind: "database",
        name: "Catalogue database",
        image: "postgres:18",
        concurrency: 8,
        serviceTime: { meanMs: 7 },
      },
      {
        id: "cdn",
        kind: "external",
        name: "Content delivery network",
        serviceTime: { kind: "lognormal", meanMs: 20, cv: 1 },
      },
    ],
    links: [
      {
        from: "creators",
        to: "upload-service",
        latency: { kind: "lognormal", meanMs: 60, cv: 0.5 },
        timeoutMs: 60_000,
      },
      {
        from: "viewers",
        to: "catalogue-service",
        latency: { kind: "lognormal", meanMs: 40, cv: 0.5 },
        timeoutMs: 5000,
      },
      { from: "viewers", to: "cdn", latency: { kind: "lognormal", meanMs: 15, cv: 0.5 }, callsPerRequest: 3 },
      { from: "upload-service", to: "object-storage", callsPerRequest: 8, timeoutMs: 10_000, retries: 2 },
      { from: "upload-service", to: "transcode-jobs", retries: 2 },
      // A worker that says nothing for ten minutes is taken for dead and its video is given to another.
      { from: "transcode-jobs", to: "transcoder", timeoutMs: 600_000, retries: 2, retryBackoffMs: 5000 },
      { from: "transcoder", to: "object-storage", callsPerRequest: 6, timeoutMs: 10_000, retries: 2 },
      { from: "transcoder", to: "catalogue-service", retries: 3 },
      { from: "catalogue-service", to: "catalogue-db", callsPerRequest: 1.5 },
    ],
    workloads: [
      { component: "creators", kind: "poisson", ratePerSecond: 2.5 },
      { component: "viewers", kind: "poisson", ratePerSecond: 400 },
    ],
  },
});
