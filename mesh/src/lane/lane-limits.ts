/*
 * What bounds a lane. Both sides keep to them: a caller sends no more than the server's settings allow, and a server
 * refuses what exceeds its own.
 */

/** Calls in flight on one lane. Far above what a pool puts on a connection; it bounds what a foreign client may do. */
export const laneMaxInFlight = 4096;
/**
 * The largest message in a frame. Everything else on the lane waits while it is written and read, about 0.1 ms for
 * this; larger ones travel on a stream of their own.
 */
export const laneMaxMessageBytes = 64 * 1024;
/** The largest batch that is read: calls in flight times what one may hold would be memory without end. */
export const laneMaxBatchBytes = 8 * 1024 * 1024;
/**
 * Calls, or cancellations, in one batch that is read. A caller that keeps to the bound above never says more than 4096 of
 * either; one that says twice as many is beyond being refused call by call, which costs more than what it sends.
 */
export const laneMaxBatchFrames = 2 * laneMaxInFlight;
/** A batch is sent when it exceeds this, so that the other side has something to do while the rest is written. */
export const laneFlushBytes = 64 * 1024;
/** Bytes that wait for a slow socket before the lane takes no more: calls then wait at their caller. */
export const laneMaxBufferedBytes = 1024 * 1024;
/** Answers too large for the lane that wait for their fetch, in bytes and in milliseconds. */
export const parcelMaxBytes = 64 * 1024 * 1024;
export const parcelKeepMs = 60_000;
