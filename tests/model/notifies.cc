// Notifies: each wait takes one record, in whatever order the two come.
#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

constexpr size_t kMostNotifies = 6;

void Create(Player& player) {
  if (player.notifies.size() >= kMostNotifies) {
    return;
  }
  if (player.current == nullptr) {
    player.Enter(player.world.primary);
  }
  auto notify = std::make_unique<Notify>();
  MODEL_CALL(player, ACL_SUCCESS, aclrtCreateNotify(&notify->handle, ACL_NOTIFY_DEFAULT));
  player.notifies.push_back(std::move(notify));
}

Notify* AnyFree(Player& player) {
  if (player.notifies.empty()) {
    return nullptr;
  }
  Notify* notify = player.random.Pick(player.notifies).get();
  return notify->gate == kNoGate ? notify : nullptr;
}

void Destroy(Player& player) {
  Notify* notify = AnyFree(player);
  if (notify == nullptr) {
    return;
  }
  const aclrtNotify stale = notify->handle;
  DestroyNotify(player, *notify);
  const uint64_t then = player.CountDestroyed(HandleKind::kNotify);
  if (player.StillStale(HandleKind::kNotify, then)) {
    player.Enter(*player.opener().context);
    MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE,
               aclrtRecordNotify(stale, player.opener().handle));
    MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtDestroyNotify(stale));
  }
}

// Of its own stream behind the record's.
void RecordAndWait(Player& player) {
  Notify* notify = AnyFree(player);
  if (notify == nullptr) {
    return;
  }
  Stream& recording = player.AnyStream();
  Stream& waiting = player.AnyStream();
  // Both behind the last wait, which else might take this record, or this wait the last record.
  player.Prepare(waiting, {}, {notify});
  player.Prepare(recording, {}, {notify});
  if (&waiting == &player.opener()) {
    player.OpenGates(recording.gates);
    player.Enter(*recording.context);
  }
  MODEL_CALL(player, ACL_SUCCESS, aclrtRecordNotify(notify->handle, recording.handle));
  player.Submitted(recording, {}, {});
  const Clock recorded = recording.clock;
  const Gates gates = recording.gates;
  player.Enter(*waiting.context);
  MODEL_CALL(player, ACL_SUCCESS, aclrtWaitAndResetNotify(notify->handle, waiting.handle, 0));
  player.Submitted(waiting, {}, {notify});
  waiting.clock.Join(recorded);
  waiting.gates |= gates;
}

void WaitAhead(Player& player) {
  Notify* notify = AnyFree(player);
  Stream& stream = player.AnyStream();
  if (notify == nullptr || !player.MayClose(stream)) {
    return;
  }
  player.Prepare(player.opener(), {}, {notify});
  player.Prepare(stream, {}, {notify});
  if (!player.MayClose(stream)) {
    return;
  }
  MODEL_CALL(player, ACL_SUCCESS, aclrtWaitAndResetNotify(notify->handle, stream.handle, 0));
  player.Submitted(stream, {}, {notify});
  notify->gate = player.CloseGate(stream, [&player, notify] {
    notify->gate = kNoGate;
    Stream& opener = player.opener();
    player.Prepare(opener, {}, {});
    MODEL_CALL(player, ACL_SUCCESS, aclrtRecordNotify(notify->handle, opener.handle));
    player.Submitted(opener, {}, {});
  });
}

// A record that is taken back: the next wait does not see it.
void Reset(Player& player) {
  Notify* notify = AnyFree(player);
  if (notify == nullptr) {
    return;
  }
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {}, {notify});
  MODEL_CALL(player, ACL_SUCCESS, aclrtRecordNotify(notify->handle, stream.handle));
  player.Submitted(stream, {}, {notify});
  player.Synchronize(stream);
  MODEL_CALL(player, ACL_SUCCESS, aclrtNotifyBatchReset(&notify->handle, 1));
}

void Ask(Player& player) {
  Notify* notify = AnyFree(player);
  if (notify == nullptr) {
    return;
  }
  uint32_t id = ~0u;
  MODEL_CALL(player, ACL_SUCCESS, aclrtGetNotifyId(notify->handle, &id));
  MODEL_REQUIRE(player, id != ~0u);
}

void Wrong(Player& player) {
  aclrtNotify made = nullptr;
  Stream& stream = player.opener();
  player.Enter(*stream.context);
  switch (player.random.Below(6)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtCreateNotify(nullptr, ACL_NOTIFY_DEFAULT));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtCreateNotify(&made, 0x100));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtRecordNotify(&made, stream.handle));
      break;
    case 3:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM,
                 aclrtWaitAndResetNotify(nullptr, stream.handle, 0));
      break;
    case 4:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtNotifyBatchReset(&made, 0));
      break;
    default:
      if (!player.counting.empty()) {  // of the other type
        MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE,
                   aclrtRecordNotify(player.counting.front()->handle, stream.handle));
      }
      break;
  }
}

}  // namespace

void DestroyNotify(Player& player, Notify& notify) {
  // Tasks that name it may be under way.
  MODEL_CALL(player, ACL_SUCCESS, aclrtDestroyNotify(notify.handle));
  Remove(player.notifies, &notify);
}

std::span<const Action> NotifyActions() {
  static constexpr Action kActions[] = {
      {"create a notify", 5, Create},
      {"destroy a notify", 3, Destroy},
      {"record a notify and wait for it", 50, RecordAndWait},
      {"wait for a notify to come", 15, WaitAhead},
      {"reset a notify", 3, Reset},
      {"ask about a notify", 3, Ask},
      {"wrong calls on notifies", 8, Wrong},
  };
  return kActions;
}

}  // namespace vnpu::model
