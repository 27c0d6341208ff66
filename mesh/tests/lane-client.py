"""Speaks weft.lane.v1 to a server, with nothing but the published .proto and Debian's grpcio.

usage: lane-client.py PORT DESCRIPTORS   (a FileDescriptorSet, as `buf build --as-file-descriptor-set` writes it)

Opens a lane, makes the calls of one user service on it, and prints what came back as JSON.
"""

import json
import queue
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

port, descriptors = sys.argv[1], sys.argv[2]
pool = descriptor_pool.DescriptorPool()
with open(descriptors, "rb") as file:
    for one in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
        pool.Add(one)
factory = message_factory.MessageFactory(pool)


def message(name):
    return factory.GetPrototype(pool.FindMessageTypeByName(name))


OpenRequest = message("weft.lane.v1.OpenRequest")
OpenResponse = message("weft.lane.v1.OpenResponse")
Call = message("weft.lane.v1.Call")
Metadata = message("weft.lane.v1.Metadata")
GetUserByIdRequest = message("weft.user.v1.GetUserByIdRequest")
UserResponse = message("weft.user.v1.UserResponse")
method = "weft.user.v1.UserService/GetUserById"
trace = bytes.fromhex("0af7651916cd43dd8448eb211c80319c" + "b7ad6b7169203331" + "01")


def call(call_id, user_id, name="", method_id=1, metadata=(), timeout_ms=0):
    return Call(
        call_id=call_id,
        method_id=method_id,
        method=name,
        timeout_ms=timeout_ms,
        trace_context=trace,
        metadata=metadata,
        message=GetUserByIdRequest(user_id=user_id).SerializeToString(),
    )


requests = queue.SimpleQueue()
channel = grpc.insecure_channel("127.0.0.1:" + port)
lane = channel.stream_stream(
    "/weft.lane.v1.LaneService/Open",
    request_serializer=OpenRequest.SerializeToString,
    response_deserializer=OpenResponse.FromString,
)
stream = lane(iter(requests.get, None), timeout=20)

requests.put(
    OpenRequest(
        calls=[
            call(1, "a", name=method, metadata=[Metadata(entry_id=1, name="tenant", value="blue")]),
            call(2, "b", metadata=[Metadata(entry_id=1)]),
            call(3, "missing"),
            call(4, "x", name="weft.user.v1.UserService/Nothing", method_id=2),
            call(5, "hang"),
            call(6, "hang", timeout_ms=50),
            call(7, ""),
        ],
        canceled_call_ids=[5],
    )
)

settings, answers = None, {}
for batch in stream:
    if batch.HasField("settings"):
        settings = {"maxInFlight": batch.settings.max_in_flight, "maxMessageBytes": batch.settings.max_message_bytes}
    for answer in batch.answers:
        found = UserResponse.FromString(answer.message) if answer.code == 0 else None
        answers[answer.call_id] = {
            "code": answer.code,
            "user": found and found.user_id,
            "username": found and found.username,
            "details": [one.type_url for one in answer.error_details],
            "unprocessed": answer.unprocessed,
        }
    if len(answers) == 7:
        requests.put(None)

print(json.dumps({"settings": settings, "answers": answers, "status": stream.code().name}))
channel.close()
