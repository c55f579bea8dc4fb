// Devices: counting uses, waiting for all streams, a second device that comes and goes.
#include <array>
#include <mutex>

#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

void SetAndReset(Player& player) {
  MODEL_CALL(player, ACL_SUCCESS, aclrtSetDevice(0));
  player.current = &player.world.primary;
  aclrtContext context = nullptr;
  MODEL_CALL(player, ACL_SUCCESS, aclrtGetCurrentContext(&context));
  MODEL_REQUIRE(player, context == player.world.primary.handle);
  MODEL_CALL(player, ACL_SUCCESS, aclrtResetDevice(0));  // the thread that began holds it, too
}

void Synchronize(Player& player) {
  player.OpenAllGates();
  if (player.current == nullptr) {
    player.Enter(player.world.primary);
  }
  const std::shared_lock lock(player.world.quiet);
  MODEL_CALL(player, ACL_SUCCESS, aclrtSynchronizeDevice());
  player.AllDone();
}

void Ask(Player& player) {
  uint32_t count = 0;
  int64_t cores = 0;
  int32_t active = 0;
  uint32_t flags = 0;
  aclrtDeviceStatus status{};
  MODEL_CALL(player, ACL_SUCCESS, aclrtGetDeviceCount(&count));
  MODEL_REQUIRE(player, count >= 1);
  MODEL_CALL(player, ACL_SUCCESS, aclrtGetDeviceInfo(0, ACL_DEV_ATTR_AICORE_CORE_NUM, &cores));
  MODEL_REQUIRE(player, cores > 0);
  MODEL_CALL(player, ACL_SUCCESS, aclrtGetPrimaryCtxState(0, &flags, &active));
  MODEL_REQUIRE(player, active == 1);
  MODEL_CALL(player, ACL_SUCCESS, aclrtQueryDeviceStatus(0, &status));
  MODEL_REQUIRE(player, status == ACL_RT_DEVICE_STATUS_NORMAL);
}

void Wrong(Player& player) {
  int64_t value = 0;
  switch (player.random.Below(4)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_DEVICEID, aclrtSetDevice(63));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_DEVICEID, aclrtSetDevice(-1));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_DEVICEID, aclrtResetDevice(63));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_DEVICEID,
                 aclrtGetDeviceInfo(63, ACL_DEV_ATTR_AICORE_CORE_NUM, &value));
      break;
  }
}

// The last to reset it ends its process.
void SecondDevice(Player& player) {
  constexpr uint64_t kSeldom = 12;  // it takes a process each time
  if (!player.world.two_devices || !player.random.Percent(kSeldom)) {
    return;
  }
  constexpr int32_t kSecond = 1;
  constexpr size_t kSize = 4096;
  MODEL_CALL(player, ACL_SUCCESS, aclrtSetDevice(kSecond));
  player.current = nullptr;
  void* memory = nullptr;
  aclrtStream stream = nullptr;
  std::array<std::byte, kSize> bytes{};
  MODEL_CALL(player, ACL_SUCCESS, aclrtMalloc(&memory, kSize, ACL_MEM_MALLOC_HUGE_FIRST));
  MODEL_CALL(player, ACL_SUCCESS, aclrtCreateStream(&stream));
  MODEL_CALL(player, ACL_SUCCESS, aclrtMemsetAsync(memory, kSize, 42, kSize, stream));
  MODEL_CALL(player, ACL_SUCCESS, aclrtSynchronizeStream(stream));
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMemcpy(bytes.data(), kSize, memory, kSize, ACL_MEMCPY_DEVICE_TO_HOST));
  for (const std::byte byte : bytes) {
    MODEL_REQUIRE(player, byte == std::byte{42});
  }
  MODEL_CALL(player, ACL_SUCCESS, aclrtDestroyStream(stream));
  MODEL_CALL(player, ACL_SUCCESS, aclrtFree(memory));
  MODEL_CALL(player, ACL_SUCCESS, aclrtResetDevice(kSecond));
  player.Enter(player.world.primary);
}

}  // namespace

std::span<const Action> DeviceActions() {
  static constexpr Action kActions[] = {
      {"set and reset the device", 15, SetAndReset},
      {"synchronise the device", 6, Synchronize},
      {"ask about devices", 3, Ask},
      {"wrong calls on devices", 6, Wrong},
      {"use the second device", 1, SecondDevice},
  };
  return kActions;
}

}  // namespace vnpu::model
