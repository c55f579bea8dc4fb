// The driver's side of a device's board (firmware/device/board.h).
#ifndef VNPU_DRIVER_CORE_BOARD_H_
#define VNPU_DRIVER_CORE_BOARD_H_

#include <vnpu/abi.h>

#include <array>
#include <cstdint>
#include <mutex>

#include "driver/base/mapping.h"
#include "driver/base/unique_fd.h"
#include "firmware/device/board.h"

namespace vnpu::driver {

using UnitCounts = std::array<uint32_t, VNPU_UNIT_COUNT>;
using UnitTimes = std::array<uint64_t, VNPU_UNIT_COUNT>;

// Slots are written by device processes, so their figures are bounded before they are believed.
// Thread-safe.
class Board {
 public:
  // Returns 0 or -errno.
  int Create(const UnitCounts& units);

  // A free slot for a session, or -ENOSPC. ReleaseSlot: once its process is gone; its busy time is
  // added to the totals of the device.
  int AcquireSlot();
  void ReleaseSlot(int slot);

  UnitTimes BusyNs() const;       // of all sessions since the start
  UnitCounts UnitsInUse() const;  // at this moment
  int fd() const { return fd_.get(); }

 private:
  firmware::BoardHeader& header() const { return *mapping_.at<firmware::BoardHeader>(); }
  firmware::BoardSlot& slot(uint32_t index) const {
    return *mapping_.at<firmware::BoardSlot>(4096 * (1 + size_t{index}));
  }
  UnitTimes SlotBusyNs(uint32_t index) const;
  bool Live(uint32_t index) const;

  mutable std::mutex mutex_;
  UniqueFd fd_;
  Mapping mapping_;
  UnitCounts units_{};
  UnitTimes finished_busy_ns_{};  // of sessions that are over
  std::array<uint64_t, firmware::kBoardSlots> acquired_ns_{};
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_BOARD_H_
