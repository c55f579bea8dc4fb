// Host functions in streams: on the library's thread, and on this one.
#include <pthread.h>

#include <algorithm>
#include <memory>

#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

// Bytes of host memory that are turned over when the stream gets there.
struct Change {
  std::byte* bytes;
  size_t count;
  std::byte mask;
};

void Apply(std::byte* bytes, size_t count, std::byte mask) {
  for (size_t i = 0; i < count; ++i) {
    bytes[i] ^= mask;
  }
}

void RunChange(void* data) {
  const std::unique_ptr<Change> change(static_cast<Change*>(data));
  Apply(change->bytes, change->count, change->mask);
}

void Launch(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer& each) { return each.HostReaches(); });
  if (buffer == nullptr) {
    return;
  }
  Stream& stream = player.AnyStream();
  constexpr size_t kMost = 256;
  const size_t count = player.random.Between(1, std::min(kMost, buffer->size()));
  const auto mask = static_cast<std::byte>(player.random.Bits());
  auto change = std::make_unique<Change>(Change{buffer->address, count, mask});
  player.Prepare(stream, {}, {buffer});
  MODEL_CALL(player, ACL_SUCCESS, aclrtLaunchHostFunc(stream.handle, RunChange, change.release()));
  player.Submitted(stream, {}, {buffer});
  Apply(buffer->bytes.data(), count, mask);
}

void CountReport(void* data) { ++static_cast<Report*>(data)->calls; }

uint64_t Self() { return static_cast<uint64_t>(pthread_self()); }

Stream* Subscribed(Player& player) {
  for (const auto& stream : player.streams) {
    if (stream->subscribed) {
      return stream.get();
    }
  }
  return nullptr;
}

// One stream at a time: then it is known which function comes next.
void Subscribe(Player& player) {
  Stream& stream = player.AnyStream();
  if (Subscribed(player) != nullptr || &stream == &player.opener()) {
    return;
  }
  player.Enter(*stream.context);
  MODEL_CALL(player, ACL_ERROR_RT_THREAD_SUBSCRIBE, aclrtProcessReport(1));
  MODEL_CALL(player, ACL_ERROR_RT_STREAM_NO_CB_REG,
             aclrtLaunchCallback(CountReport, &player.report, ACL_CALLBACK_BLOCK, stream.handle));
  MODEL_CALL(player, ACL_SUCCESS, aclrtSubscribeReport(Self(), stream.handle));
  stream.subscribed = true;
}

void Unsubscribe(Player& player) {
  Stream* stream = Subscribed(player);
  if (stream == nullptr) {
    return;
  }
  player.ServeReport();
  player.Enter(*stream->context);
  MODEL_CALL(player, ACL_SUCCESS, aclrtUnSubscribeReport(Self(), stream->handle));
  stream->subscribed = false;
  MODEL_CALL(player, ACL_ERROR_RT_STREAM_SUBSCRIBE, aclrtUnSubscribeReport(Self(), stream->handle));
}

void LaunchReport(Player& player) {
  Stream* stream = Subscribed(player);
  if (stream == nullptr || player.report.pending || !player.MayClose(*stream)) {
    return;
  }
  player.Prepare(*stream, {}, {});
  const bool block = player.random.Percent(50);
  player.report.pending = true;
  player.report.stream = stream;
  player.report.before = stream->gates;
  ++player.report.expected;
  MODEL_CALL(
      player, ACL_SUCCESS,
      aclrtLaunchCallback(CountReport, &player.report,
                          block ? ACL_CALLBACK_BLOCK : ACL_CALLBACK_NO_BLOCK, stream->handle));
  player.Submitted(*stream, {}, {});
  if (block) {
    player.report.gate = player.CloseGate(*stream, [&player] {
      player.report.gate = kNoGate;
      player.ServeReport();
    });
  }
}

void Serve(Player& player) { player.ServeReport(); }

void Wrong(Player& player) {
  Stream& stream = player.opener();
  player.Enter(*stream.context);
  switch (player.random.Below(3)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM,
                 aclrtLaunchHostFunc(stream.handle, nullptr, nullptr));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtProcessReport(0));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtLaunchCallback(CountReport, &player.report,
                                     static_cast<aclrtCallbackBlockType>(2), stream.handle));
      break;
  }
}

}  // namespace

std::span<const Action> HostFunctionActions() {
  static constexpr Action kActions[] = {
      {"launch a host function", 15, Launch},
      {"subscribe to reports", 3, Subscribe},
      {"unsubscribe from reports", 1, Unsubscribe},
      {"launch a callback", 10, LaunchReport},
      {"serve a report", 4, Serve},
      {"wrong host functions", 6, Wrong},
  };
  return kActions;
}

}  // namespace vnpu::model
