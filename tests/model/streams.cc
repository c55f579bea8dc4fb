// Streams: life, properties, queries and waits.
#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

constexpr size_t kMostStreams = 8;  // of one thread, default ones with them
constexpr uint32_t kPriorities = 8;

const Context& AnyContext(Player& player) {
  const uint64_t pick = player.random.Below(2 + player.contexts.size());
  if (pick < 2) {
    return pick == 0 ? player.world.primary : player.world.shared;
  }
  return *player.contexts[pick - 2];
}

void Create(Player& player) {
  if (player.streams.size() >= kMostStreams) {
    return;
  }
  const Context& context = AnyContext(player);
  player.Enter(context);
  Stream& stream = player.NewStream(context, /*is_default=*/false);
  if (player.random.Percent(50)) {
    MODEL_CALL(player, ACL_SUCCESS, aclrtCreateStream(&stream.handle));
    return;
  }
  stream.priority = static_cast<uint32_t>(player.random.Below(kPriorities));
  stream.flags =
      player.random.Of<uint32_t>({0, ACL_STREAM_FAST_LAUNCH, ACL_STREAM_FAST_SYNC,
                                  ACL_STREAM_FAST_LAUNCH | ACL_STREAM_FAST_SYNC, ACL_STREAM_HUGE});
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtCreateStreamWithConfig(&stream.handle, stream.priority, stream.flags));
}

void RefuseStale(Player& player, aclrtStream stale, uint64_t then) {
  aclrtStreamStatus status{};
  if (!player.StillStale(HandleKind::kStream, then)) {
    return;
  }
  switch (player.random.Below(4)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtDestroyStream(stale));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtSynchronizeStream(stale));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtStreamQuery(stale, &status));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE,
                 aclrtRecordEvent(player.events.front()->handle, stale));
      break;
  }
}

void Destroy(Player& player) {
  Stream& stream = player.AnyStream();
  if (&stream == &player.opener()) {
    MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtDestroyStream(nullptr));
    return;
  }
  if (stream.is_default) {
    player.Enter(*stream.context);
    aclrtStream handle = nullptr;
    MODEL_CALL(player, ACL_SUCCESS, aclrtCtxGetCurrentDefaultStream(&handle));
    MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtDestroyStream(handle));
    return;
  }
  const aclrtStream stale = stream.handle;
  const Context* context = stream.context;
  DestroyStream(player, stream);
  const uint64_t then = player.CountDestroyed(HandleKind::kStream);
  player.Enter(*context);
  RefuseStale(player, stale, then);
}

void Query(Player& player) {
  Stream& stream = player.AnyStream();
  player.Enter(*stream.context);
  aclrtStreamStatus status{};
  MODEL_CALL(player, ACL_SUCCESS, aclrtStreamQuery(stream.handle, &status));
  const bool complete = status == ACL_STREAM_STATUS_COMPLETE;
  MODEL_REQUIRE(player, complete || status == ACL_STREAM_STATUS_NOT_READY);
  MODEL_REQUIRE(player, complete || !player.Covered(stream));
  MODEL_REQUIRE(player, !complete || stream.gates == 0);
  if (complete) {
    player.host.Join(stream.clock);
  }
}

void Ask(Player& player) {
  Stream& stream = player.AnyStream();
  player.Enter(*stream.context);
  uint32_t priority = ~0u;
  uint32_t flags = ~0u;
  int32_t id = -1;
  uint32_t left = 0;
  MODEL_CALL(player, ACL_SUCCESS, aclrtStreamGetPriority(stream.handle, &priority));
  MODEL_REQUIRE(player, priority == stream.priority);
  MODEL_CALL(player, ACL_SUCCESS, aclrtStreamGetFlags(stream.handle, &flags));
  MODEL_REQUIRE(player, flags == stream.flags);
  MODEL_CALL(player, ACL_SUCCESS, aclrtStreamGetId(stream.handle, &id));
  MODEL_REQUIRE(player, id >= 0);
  MODEL_CALL(player, ACL_SUCCESS, aclrtGetStreamAvailableNum(&left));
  MODEL_REQUIRE(player, left > 0);
}

void Synchronize(Player& player) { player.Synchronize(player.AnyStream()); }

void WaitInVain(Player& player) {
  Stream& stream = player.AnyStream();
  player.Enter(*stream.context);
  if (stream.gates != 0) {
    MODEL_CALL(player, ACL_ERROR_RT_STREAM_SYNC_TIMEOUT,
               aclrtSynchronizeStreamWithTimeout(stream.handle, 1));
  } else if (player.Covered(stream)) {
    MODEL_CALL(player, ACL_SUCCESS, aclrtSynchronizeStreamWithTimeout(stream.handle, 1));
  }
}

// Calls that are wrong whatever the state.
void Wrong(Player& player) {
  Stream& stream = player.AnyStream();
  player.Enter(*stream.context);
  aclrtStream made = nullptr;
  switch (player.random.Below(9)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtCreateStream(nullptr));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtCreateStreamWithConfig(&made, kPriorities, 0));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtStreamQuery(stream.handle, nullptr));
      break;
    case 3:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtSynchronizeStreamWithTimeout(stream.handle, 0));
      break;
    case 4:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtSynchronizeStreamWithTimeout(stream.handle, -2));
      break;
    case 5:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtSetStreamFailureMode(stream.handle, 2));
      break;
    case 6:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtSynchronizeStream(&made));
      break;
    case 7:  // an object of another kind
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE,
                 aclrtSynchronizeStream(player.events.front()->handle));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtStreamGetPriority(stream.handle, nullptr));
      break;
  }
}

}  // namespace

void DestroyStream(Player& player, Stream& stream) {
  if (player.report.pending && player.report.stream == &stream) {
    player.ServeReport();
  }
  player.OpenGates(stream.gates);
  player.Enter(*stream.context);
  if (!stream.is_default) {
    // What is over cannot be dropped.
    if (player.Covered(stream) && player.random.Percent(50)) {
      MODEL_CALL(player, ACL_SUCCESS, aclrtDestroyStreamForce(stream.handle));
    } else {
      MODEL_CALL(player, ACL_SUCCESS, aclrtDestroyStream(stream.handle));
    }
  }
  player.Forget(stream);
}

std::span<const Action> StreamActions() {
  static constexpr Action kActions[] = {
      {"create a stream", 20, Create},
      {"destroy a stream", 12, Destroy},
      {"query a stream", 40, Query},
      {"ask about a stream", 10, Ask},
      {"synchronise a stream", 30, Synchronize},
      {"wait in vain", 1, WaitInVain},
      {"wrong calls on streams", 20, Wrong},
  };
  return kActions;
}

}  // namespace vnpu::model
