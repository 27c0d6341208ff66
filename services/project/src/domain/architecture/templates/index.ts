import { chatFanOut } from "./chat-fan-out.ts";
import type { SystemTemplate } from "./define-template.ts";
import { mlInference } from "./ml-inference.ts";
import { orderPipeline } from "./order-pipeline.ts";
import { payments } from "./payments.ts";
import { shardedSearch } from "./sharded-search.ts";
import { socialFeed } from "./social-feed.ts";
import { urlShortener } from "./url-shortener.ts";
import { videoPipeline } from "./video-pipeline.ts";
import { webShop } from "./web-shop.ts";
import { weftMesh } from "./weft-mesh.ts";

/** The templates that come with Weft, simplest first. */
export const systemTemplates: readonly SystemTemplate[] = [
  webShop,
  urlShortener,
  payments,
  orderPipeline,
  shardedSearch,
  socialFeed,
  chatFanOut,
  videoPipeline,
  mlInference,
  weftMesh,
];
