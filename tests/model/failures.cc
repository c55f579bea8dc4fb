// Tasks that fail, and tasks that are aborted: their stream says so once, and nothing else suffers.
#include <mutex>

#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

// A stream with nothing under way, in which nobody else is interested for a while.
Stream& QuietStream(Player& player) {
  player.OpenAllGates();
  Stream& stream = player.AnyStream();
  player.Synchronize(stream);
  return stream;
}

void KernelFault(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer& each) { return each.OnDevice(); });
  if (buffer == nullptr) {
    return;
  }
  Stream& stream = QuietStream(player);
  player.HostWrites(*buffer);
  const std::unique_lock lock(player.world.quiet);
  player.Enter(*stream.context);
  struct {
    std::byte* data;
    uint32_t by;
  } arguments{buffer->address, 0};
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtLaunchKernelWithHostArgs(player.world.kernels.divide, 1, stream.handle, nullptr,
                                           &arguments, sizeof(arguments), nullptr, 0));
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMemsetAsync(buffer->address, buffer->size(), 7, 1, stream.handle));
  player.Submitted(stream, {}, {buffer});
  buffer->bytes[0] = std::byte{7};  // the stream goes on behind the failure
  MODEL_CALL(player, ACL_ERROR_RT_AICORE_EXCEPTION, aclrtSynchronizeStream(stream.handle));
  MODEL_CALL(player, ACL_SUCCESS, aclrtSynchronizeStream(stream.handle));
  player.host.Join(stream.clock);
}

void BadCopy(Player& player) {
  Mapping* range = nullptr;
  for (const auto& each : player.mappings) {
    range = each->physical == nullptr ? each.get() : range;
  }
  if (range == nullptr) {
    return;
  }
  Stream& stream = QuietStream(player);
  const std::unique_lock lock(player.world.quiet);
  player.Enter(*stream.context);
  MODEL_CALL(player, ACL_SUCCESS, aclrtMemsetAsync(range->address, 64, 0, 64, stream.handle));
  player.Submitted(stream, {}, {});
  MODEL_CALL(player, ACL_ERROR_RT_SYS_DMA, aclrtSynchronizeStream(stream.handle));
  player.host.Join(stream.clock);
}

// What waits behind a word that nobody writes never runs.
void Abort(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer& each) { return each.OnDevice(); });
  Word* word = nullptr;
  for (const auto& each : player.words) {
    word = each->gate == kNoGate ? each.get() : word;
  }
  if (buffer == nullptr || word == nullptr) {
    return;
  }
  Stream& stream = QuietStream(player);
  player.HostWrites(*buffer);
  player.HostWrites(*word);
  const std::unique_lock lock(player.world.quiet);
  player.Enter(*stream.context);
  MODEL_CALL(
      player, ACL_SUCCESS,
      aclrtValueWait(word->address, word->value + 1, ACL_STREAM_WAIT_VALUE_EQ, stream.handle));
  for (int i = 0; i < 5; ++i) {
    MODEL_CALL(player, ACL_SUCCESS,
               aclrtMemsetAsync(buffer->address, buffer->size(), i, buffer->size(), stream.handle));
  }
  MODEL_CALL(player, ACL_SUCCESS, aclrtStreamAbort(stream.handle));
  player.Submitted(stream, {}, {});
  MODEL_CALL(player, ACL_SUCCESS, aclrtSynchronizeStream(stream.handle));
  player.host.Join(stream.clock);
  VerifyBuffer(player, *buffer);
}

}  // namespace

std::span<const Action> FailureActions() {
  static constexpr Action kActions[] = {
      {"let a kernel fail", 1, KernelFault},
      {"let a fill fail", 1, BadCopy},
      {"abort a stream", 1, Abort},
  };
  return kActions;
}

}  // namespace vnpu::model
