// Contexts: life, the current one, streams of others.
#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

constexpr size_t kMostContexts = 2;  // of a thread's own
constexpr size_t kMostStreams = 8;

void Create(Player& player) {
  if (player.contexts.size() >= kMostContexts || player.streams.size() >= kMostStreams) {
    return;
  }
  auto context = std::make_unique<Context>();
  MODEL_CALL(player, ACL_SUCCESS, aclrtCreateContext(&context->handle, 0));
  player.current = context.get();
  player.contexts.push_back(std::move(context));
  player.NewStream(*player.contexts.back(), /*is_default=*/true);
}

void Destroy(Player& player) {
  if (player.contexts.empty()) {
    return;
  }
  Context& context = *player.random.Pick(player.contexts);
  const aclrtContext stale = context.handle;
  DestroyContext(player, context);
  const uint64_t then = player.CountDestroyed(HandleKind::kContext);
  if (player.StillStale(HandleKind::kContext, then)) {
    MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtSetCurrentContext(stale));
    MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtDestroyContext(stale));
  }
  if (player.current == nullptr) {
    aclrtContext found = nullptr;
    aclrtStream stream = nullptr;
    MODEL_CALL(player, ACL_ERROR_RT_CONTEXT_NULL, aclrtGetCurrentContext(&found));
    MODEL_CALL(player, ACL_ERROR_RT_CONTEXT_NULL, aclrtCreateStream(&stream));
    MODEL_CALL(player, ACL_ERROR_RT_CONTEXT_NULL, aclrtSynchronizeStream(nullptr));
  }
}

void Get(Player& player) {
  aclrtContext context = nullptr;
  int32_t device = -1;
  if (player.current == nullptr) {
    player.Enter(player.world.primary);
  }
  MODEL_CALL(player, ACL_SUCCESS, aclrtGetCurrentContext(&context));
  MODEL_REQUIRE(player, context == player.current->handle);
  MODEL_CALL(player, ACL_SUCCESS, aclrtGetDevice(&device));
  MODEL_REQUIRE(player, device == 0);
}

// A stream belongs to its context.
void WrongContext(Player& player) {
  Stream& stream = player.AnyStream();
  if (stream.is_default) {
    return;
  }
  const Context& other =
      stream.context == &player.world.primary ? player.world.shared : player.world.primary;
  player.Enter(other);
  switch (player.random.Below(4)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_RT_STREAM_CONTEXT, aclrtSynchronizeStream(stream.handle));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_STREAM_CONTEXT, aclrtDestroyStream(stream.handle));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_STREAM_CONTEXT,
                 aclrtRecordEvent(player.events.front()->handle, stream.handle));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_RT_STREAM_CONTEXT,
                 aclrtLaunchKernelWithHostArgs(player.world.kernels.add, 1, stream.handle, nullptr,
                                               &player, 16, nullptr, 0));
      break;
  }
}

void Wrong(Player& player) {
  aclrtContext made = nullptr;
  switch (player.random.Below(5)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtCreateContext(nullptr, 0));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_DEVICEID, aclrtCreateContext(&made, 63));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtSetCurrentContext(nullptr));
      break;
    case 3:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtDestroyContext(player.world.primary.handle));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtSetCurrentContext(&made));
      break;
  }
}

void Parameters(Player& player) {
  // Of a context of its own: nobody else sets them.
  if (player.contexts.empty()) {
    return;
  }
  player.Enter(*player.contexts.front());
  const auto value = static_cast<int64_t>(player.random.Below(2));
  int64_t found = -1;
  MODEL_CALL(player, ACL_SUCCESS, aclrtCtxSetSysParamOpt(ACL_OPT_DETERMINISTIC, value));
  MODEL_CALL(player, ACL_SUCCESS, aclrtCtxGetSysParamOpt(ACL_OPT_DETERMINISTIC, &found));
  MODEL_REQUIRE(player, found == value);
}

}  // namespace

void DestroyContext(Player& player, Context& context) {
  // Its streams go with it, after their tasks.
  for (size_t i = player.streams.size(); i-- > 0;) {
    Stream& stream = *player.streams[i];
    if (stream.context != &context) {
      continue;
    }
    if (player.report.pending && player.report.stream == &stream) {
      player.ServeReport();
    }
    player.OpenGates(stream.gates);
  }
  MODEL_CALL(player, ACL_SUCCESS, aclrtDestroyContext(context.handle));
  for (size_t i = player.streams.size(); i-- > 0;) {
    if (player.streams[i]->context == &context) {
      player.Forget(*player.streams[i]);
    }
  }
  if (player.current == &context) {
    player.current = nullptr;
  }
  Remove(player.contexts, &context);
}

std::span<const Action> ContextActions() {
  static constexpr Action kActions[] = {
      {"create a context", 4, Create},        {"destroy a context", 3, Destroy},
      {"get the current context", 20, Get},   {"use a stream in another context", 20, WrongContext},
      {"wrong calls on contexts", 10, Wrong}, {"parameters of a context", 5, Parameters},
  };
  return kActions;
}

}  // namespace vnpu::model
