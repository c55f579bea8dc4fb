// The device board: what the sessions of one device share. Memory owned by the driver, one memfd
// a device. A device process maps its own page writable and all the rest read-only, before it
// runs any kernel, and closes the descriptor; so no session can spoil another one's figures.
#ifndef VNPU_FIRMWARE_DEVICE_BOARD_H_
#define VNPU_FIRMWARE_DEVICE_BOARD_H_

#include <vnpu/abi.h>

#include <atomic>
#include <cstdint>

namespace vnpu::firmware {

inline constexpr uint32_t kBoardSlots = 1023;  // sessions of one device

// Written by the driver.
struct BoardHeader {
  uint32_t units[VNPU_UNIT_COUNT];  // of the device; VNPU_UNIT_MIX counts as AI core and is 0
  std::atomic<uint32_t> live_sessions;
  std::atomic<uint64_t> live_slots[(kBoardSlots + 64) / 64];  // bit s: slot s has a session
};
static_assert(sizeof(BoardHeader) <= 4096);

// Written by the device process of the session; zeroed by the driver when the session is over.
struct BoardSlot {
  std::atomic<uint32_t> in_use[VNPU_UNIT_COUNT];  // units that run something now
  // Four bits a unit, the first one lowest: 1 + highest priority of a task that lacks it; 0: none.
  std::atomic<uint32_t> wanted;
  std::atomic<uint64_t> busy_ns[VNPU_UNIT_COUNT];  // unit time used so far
  std::atomic<uint64_t> tasks;                     // tasks completed
};
static_assert(sizeof(BoardSlot) <= 4096);

// Page 0: header; page 1 + s: slot s.
inline constexpr uint64_t kBoardBytes = 4096ull * (1 + kBoardSlots);

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_DEVICE_BOARD_H_
