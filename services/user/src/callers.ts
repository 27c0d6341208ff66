import type { CallerPolicy } from "@weft/mesh";

/*
 * Which services may call which RPC. Accounts are made and ended by the auth service; projects look their members up; people
 * read and change their own profile, through the gateway. What is not named here nobody calls.
 */
export const callers: CallerPolicy = {
  "weft.user.v1.UserService/CreateUser": ["auth-service"],
  "weft.user.v1.UserService/DeleteUser": ["auth-service"],
  "weft.user.v1.UserService/GetUser": ["auth-service", "gateway-service"],
  "weft.user.v1.UserService/ChangeProfile": ["auth-service"],
  "weft.user.v1.UserService/UpdateUser": ["gateway-service"],
  "weft.user.v1.UserService/GetUserById": ["auth-service", "project-service"],
  "weft.user.v1.UserService/GetUserByLogin": ["auth-service", "project-service"],
  "weft.user.v1.UserService/GetUserByUsername": ["project-service"],
  "weft.user.v1.UserService/GetUsersByIds": ["project-service"],
};
