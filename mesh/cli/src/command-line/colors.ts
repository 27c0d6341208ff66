import picocolors from "picocolors";

/*
 * Colours for people only: where the output is a terminal, or FORCE_COLOR asks for them. (picocolors also colours whatever
 * runs in CI, where the output is read by programs.)
 */
const wanted = picocolors.isColorSupported && (process.stdout.isTTY === true || process.env.FORCE_COLOR !== undefined);

export default picocolors.createColors(wanted);
