import fc from "fast-check";

/** Short strings of any UTF-16 code units, halves of surrogate pairs among them, and of what means something in URLs. */
export const anyText: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xff_ff }), fc.integer({ min: 0x20, max: 0x7e })), { maxLength: 12 })
  .map((units) => String.fromCharCode(...units));
