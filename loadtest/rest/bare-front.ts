import * as uws from "uWebSockets.js";
import { userIds, userJson } from "./user.ts";

/**
 * The ceiling: uWebSockets.js with one handler, which looks up the answer of the id in the path; all were written before. No
 * call, no JSON, no policy.
 */
export function serveBareFront(): Promise<number> {
  const answers = new Map(userIds.map((id) => [id, userJson(id)]));
  const app = uws.App().get("/api/users/:userId", (res, req) => {
    const answer = answers.get(req.getParameter(0) ?? "") ?? "";
    res.cork(() => {
      res.writeHeader("content-type", "application/json");
      res.end(answer);
    });
  });
  return new Promise((resolve, reject) => {
    app.listen("127.0.0.1", 0, (socket) => {
      if (socket === false) {
        reject(new Error("no port could be had"));
      } else {
        resolve(uws.us_socket_local_port(socket));
      }
    });
  });
}
