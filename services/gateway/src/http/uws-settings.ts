/*
 * What uWebSockets.js reads from the environment when it is loaded; import this first. Its own 4 KiB for the request line
 * and all headers are too little for a browser's cookies beside a token; 16 KiB is what Node's HTTP server takes.
 */
// biome-ignore lint/style/noProcessEnv: the native library reads it from nowhere else
process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= "16384";
