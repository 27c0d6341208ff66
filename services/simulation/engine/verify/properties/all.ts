import type { Property } from "../property.ts";
import { books } from "./books.ts";
import { monotone } from "./monotone.ts";
import { repeatable } from "./repeatable.ts";
import { scalability } from "./scalability.ts";

export const properties: readonly Property[] = [...books, ...repeatable, monotone, scalability];
