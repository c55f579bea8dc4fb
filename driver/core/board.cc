#include "driver/core/board.h"

#include <algorithm>
#include <cerrno>
#include <new>

#include "driver/base/memfd.h"
#include "driver/base/time.h"

namespace vnpu::driver {

int Board::Create(const UnitCounts& units) {
  if (const int error = CreateMemfd("vnpu-board", firmware::kBoardBytes, &fd_); error != 0) {
    return error;
  }
  if (const int error = mapping_.Map(fd_.get(), firmware::kBoardBytes, PROT_READ | PROT_WRITE);
      error != 0) {
    return error;
  }
  units_ = units;
  units_[VNPU_UNIT_MIX] = 0;
  auto* header = new (mapping_.at<>()) firmware::BoardHeader{};
  std::copy(units_.begin(), units_.end(), header->units);
  return 0;
}

bool Board::Live(uint32_t index) const {
  return (header().live_slots[index / 64].load(std::memory_order_relaxed) >> (index % 64) & 1) != 0;
}

int Board::AcquireSlot() {
  const std::lock_guard lock(mutex_);
  for (uint32_t i = 0; i < firmware::kBoardSlots; ++i) {
    if (!Live(i)) {
      acquired_ns_[i] = NowNs();
      header().live_slots[i / 64].fetch_or(uint64_t{1} << (i % 64));
      header().live_sessions.fetch_add(1);
      return static_cast<int>(i);
    }
  }
  return -ENOSPC;
}

void Board::ReleaseSlot(int slot_index) {
  const std::lock_guard lock(mutex_);
  const auto index = static_cast<uint32_t>(slot_index);
  const UnitTimes busy = SlotBusyNs(index);
  std::transform(busy.begin(), busy.end(), finished_busy_ns_.begin(), finished_busy_ns_.begin(),
                 std::plus<>());
  header().live_slots[index / 64].fetch_and(~(uint64_t{1} << (index % 64)));
  header().live_sessions.fetch_sub(1);
  new (&slot(index)) firmware::BoardSlot{};
}

// No session can have used more unit time than there was.
UnitTimes Board::SlotBusyNs(uint32_t index) const {
  UnitTimes busy{};
  const uint64_t age = NowNs() - acquired_ns_[index];
  for (size_t unit = 0; unit < busy.size(); ++unit) {
    busy[unit] =
        std::min(slot(index).busy_ns[unit].load(std::memory_order_relaxed), age * units_[unit]);
  }
  return busy;
}

UnitTimes Board::BusyNs() const {
  const std::lock_guard lock(mutex_);
  UnitTimes total = finished_busy_ns_;
  for (uint32_t i = 0; i < firmware::kBoardSlots; ++i) {
    if (Live(i)) {
      const UnitTimes busy = SlotBusyNs(i);
      std::transform(busy.begin(), busy.end(), total.begin(), total.begin(), std::plus<>());
    }
  }
  return total;
}

UnitCounts Board::UnitsInUse() const {
  const std::lock_guard lock(mutex_);
  UnitCounts total{};
  for (uint32_t i = 0; i < firmware::kBoardSlots; ++i) {
    for (size_t unit = 0; Live(i) && unit < total.size(); ++unit) {
      total[unit] =
          std::min(units_[unit],
                   total[unit] + std::min(units_[unit],
                                          slot(i).in_use[unit].load(std::memory_order_relaxed)));
    }
  }
  return total;
}

}  // namespace vnpu::driver
