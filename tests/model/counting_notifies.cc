// Counting notifies: values, and waits for them.
#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

constexpr size_t kMostNotifies = 4;

void Create(Player& player) {
  if (player.counting.size() >= kMostNotifies) {
    return;
  }
  if (player.current == nullptr) {
    player.Enter(player.world.primary);
  }
  auto notify = std::make_unique<CountingNotify>();
  MODEL_CALL(player, ACL_SUCCESS, aclrtCntNotifyCreate(&notify->handle, 0));
  player.counting.push_back(std::move(notify));
}

CountingNotify* AnyFree(Player& player) {
  if (player.counting.empty()) {
    return nullptr;
  }
  CountingNotify* notify = player.random.Pick(player.counting).get();
  return notify->gate == kNoGate ? notify : nullptr;
}

void Destroy(Player& player) {
  if (CountingNotify* notify = AnyFree(player); notify != nullptr) {
    DestroyCountingNotify(player, *notify);
  }
}

uint32_t After(uint32_t value, const aclrtCntNotifyRecordInfo& info) {
  switch (info.mode) {
    case ACL_RT_CNT_NOTIFY_RECORD_SET_VALUE_MODE:
      return info.value;
    case ACL_RT_CNT_NOTIFY_RECORD_ADD_MODE:
      return value + info.value;
    case ACL_RT_CNT_NOTIFY_RECORD_BIT_OR_MODE:
      return value | info.value;
    case ACL_RT_CNT_NOTIFY_RECORD_BIT_AND_MODE:
      return value & info.value;
  }
  return value;
}

void Record(Player& player) {
  CountingNotify* notify = AnyFree(player);
  if (notify == nullptr) {
    return;
  }
  Stream& stream = player.AnyStream();
  aclrtCntNotifyRecordInfo info{};
  info.mode = player.random.Of(
      {ACL_RT_CNT_NOTIFY_RECORD_SET_VALUE_MODE, ACL_RT_CNT_NOTIFY_RECORD_ADD_MODE,
       ACL_RT_CNT_NOTIFY_RECORD_BIT_OR_MODE, ACL_RT_CNT_NOTIFY_RECORD_BIT_AND_MODE});
  info.value = static_cast<uint32_t>(player.random.Bits());
  player.Prepare(stream, {}, {notify});
  MODEL_CALL(player, ACL_SUCCESS, aclrtCntNotifyRecord(notify->handle, stream.handle, &info));
  player.Submitted(stream, {}, {notify});
  notify->value = After(notify->value, info);
}

void Reset(Player& player) {
  CountingNotify* notify = AnyFree(player);
  if (notify == nullptr) {
    return;
  }
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {}, {notify});
  MODEL_CALL(player, ACL_SUCCESS, aclrtCntNotifyReset(notify->handle, stream.handle));
  player.Submitted(stream, {}, {notify});
  notify->value = 0;
}

// A wait that the value satisfies.
aclrtCntNotifyWaitInfo PassingWait(Random& random, uint32_t value) {
  aclrtCntNotifyWaitInfo info{};
  const auto bits = static_cast<uint32_t>(random.Bits());
  info.isClear = static_cast<uint32_t>(random.Below(2));
  info.mode = ACL_RT_CNT_NOTIFY_WAIT_EQUAL_MODE;
  info.value = value;
  if (value == 0) {
    return info;  // it is above nothing, and has no bits
  }
  switch (random.Below(4)) {
    case 0:
      info.mode = ACL_RT_CNT_NOTIFY_WAIT_BIGGER_OR_EQUAL_MODE;
      info.value = bits % value;
      break;
    case 1:
      info.mode = ACL_RT_CNT_NOTIFY_WAIT_BIGGER_MODE;
      info.value = value - 1;
      break;
    case 2:
      info.mode = ACL_RT_CNT_NOTIFY_WAIT_EQUAL_WITH_BITMASK_MODE;
      info.value = value & (bits | (value & -value));
      break;
    default:
      break;
  }
  return info;
}

// A wait that the value does not satisfy, and `*opening` does.
aclrtCntNotifyWaitInfo HoldingWait(Random& random, uint32_t value, uint32_t* opening) {
  aclrtCntNotifyWaitInfo info{};
  const uint32_t different = value ^ (static_cast<uint32_t>(random.Bits()) | 1);
  info.isClear = static_cast<uint32_t>(random.Below(2));
  info.mode = ACL_RT_CNT_NOTIFY_WAIT_EQUAL_MODE;
  info.value = *opening = different;
  switch (random.Below(4)) {
    case 0:
      if (value != ~0u) {
        info.mode = ACL_RT_CNT_NOTIFY_WAIT_BIGGER_OR_EQUAL_MODE;
        info.value = value + 1;
        *opening = ~0u;
      }
      break;
    case 1:
      if (value != 0) {
        info.mode = ACL_RT_CNT_NOTIFY_WAIT_LESS_MODE;
        info.value = value;
        *opening = 0;
      }
      break;
    case 2:
      if (value != ~0u) {
        info.mode = ACL_RT_CNT_NOTIFY_WAIT_EQUAL_WITH_BITMASK_MODE;
        info.value = ~value;
        *opening = ~0u;
      }
      break;
    default:
      break;
  }
  return info;
}

void WaitPasses(Player& player) {
  CountingNotify* notify = AnyFree(player);
  if (notify == nullptr) {
    return;
  }
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {}, {notify});
  aclrtCntNotifyWaitInfo info = PassingWait(player.random, notify->value);
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtCntNotifyWaitWithTimeout(notify->handle, stream.handle, &info));
  player.Submitted(stream, {}, {notify});
  notify->value = info.isClear == 1 ? 0 : notify->value;
}

void Open(Player& player, CountingNotify& notify) {
  notify.gate = kNoGate;
  Stream& opener = player.opener();
  aclrtCntNotifyRecordInfo info{};
  info.mode = ACL_RT_CNT_NOTIFY_RECORD_SET_VALUE_MODE;
  info.value = notify.opening;
  player.Prepare(opener, {}, {});
  MODEL_CALL(player, ACL_SUCCESS, aclrtCntNotifyRecord(notify.handle, opener.handle, &info));
  player.Submitted(opener, {}, {});
  notify.value = notify.clears ? 0 : notify.opening;
}

void WaitAhead(Player& player) {
  CountingNotify* notify = AnyFree(player);
  Stream& stream = player.AnyStream();
  if (notify == nullptr || !player.MayClose(stream)) {
    return;
  }
  player.Prepare(player.opener(), {}, {notify});
  player.Prepare(stream, {}, {notify});
  if (!player.MayClose(stream)) {
    return;
  }
  aclrtCntNotifyWaitInfo info = HoldingWait(player.random, notify->value, &notify->opening);
  notify->clears = info.isClear == 1;
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtCntNotifyWaitWithTimeout(notify->handle, stream.handle, &info));
  player.Submitted(stream, {}, {notify});
  notify->gate = player.CloseGate(stream, [&player, notify] { Open(player, *notify); });
}

void Wrong(Player& player) {
  aclrtCntNotify made = nullptr;
  aclrtCntNotifyRecordInfo record{};
  aclrtCntNotifyWaitInfo wait{};
  Stream& stream = player.opener();
  player.Enter(*stream.context);
  switch (player.random.Below(4)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtCntNotifyCreate(&made, 1));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM,
                 aclrtCntNotifyRecord(&made, stream.handle, nullptr));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE,
                 aclrtCntNotifyRecord(&made, stream.handle, &record));
      break;
    default:
      wait.isClear = 2;
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtCntNotifyWaitWithTimeout(&made, stream.handle, &wait));
      break;
  }
}

}  // namespace

void DestroyCountingNotify(Player& player, CountingNotify& notify) {
  MODEL_CALL(player, ACL_SUCCESS, aclrtCntNotifyDestroy(notify.handle));
  Remove(player.counting, &notify);
}

std::span<const Action> CountingNotifyActions() {
  static constexpr Action kActions[] = {
      {"create a counting notify", 4, Create},
      {"destroy a counting notify", 2, Destroy},
      {"record a counting notify", 30, Record},
      {"reset a counting notify", 5, Reset},
      {"pass a counting notify", 30, WaitPasses},
      {"wait for a counting notify to come", 10, WaitAhead},
      {"wrong calls on counting notifies", 6, Wrong},
  };
  return kActions;
}

}  // namespace vnpu::model
