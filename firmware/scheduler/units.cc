#include "firmware/scheduler/units.h"

#include <bit>

#include "firmware/scheduler/fetch.h"

namespace vnpu::firmware {

Units::Demand Units::DemandOfAll(uint32_t unit, uint32_t priority) const {
  Demand demand;
  for (size_t word = 0; word < std::size(header_->live_slots); ++word) {
    uint64_t bits = header_->live_slots[word].load(std::memory_order_relaxed);
    for (; bits != 0; bits &= bits - 1) {
      const size_t slot = word * 64 + static_cast<size_t>(std::countr_zero(bits));
      if (slot >= kBoardSlots) {
        break;
      }
      const auto* other = reinterpret_cast<const BoardSlot*>(slots_ + slot * 4096);
      const uint32_t in_use = other->in_use[unit].load(std::memory_order_seq_cst);
      // A figure that no honest session has is not believed beyond the device's count.
      demand.used += in_use < header_->units[unit] ? in_use : header_->units[unit];
      const uint32_t wanted =
          other->wanted.load(std::memory_order_relaxed) >> (kWantedBits * unit) & 0xf;
      demand.wanted = wanted != 0 && wanted < demand.wanted ? wanted : demand.wanted;
      if (wanted == 1 + priority && other != own_ && in_use < demand.least_of_equals) {
        demand.least_of_equals = in_use;
      }
    }
  }
  return demand;
}

// Always false: the answer of Acquire.
bool Units::Lack(uint32_t unit, uint32_t priority) {
  const uint32_t shift = kWantedBits * unit;
  if ((lacking_ >> shift & 0xf) == 0) {
    lacking_ |= (1 + priority) << shift;
  }
  return false;
}

bool Units::AllFree(uint32_t unit, uint32_t priority, uint32_t count) {
  unit = Counted(unit);
  return DemandOfAll(unit, priority).used + count <= header_->units[unit] || Lack(unit, priority);
}

// Publish first, look second: of two sessions that reach for the last unit at the same time at
// least one sees the other and steps back.
bool Units::AcquireAmongOthers(uint32_t unit, uint32_t priority, uint32_t own) {
  own_->in_use[unit].store(own + 1, std::memory_order_seq_cst);
  const Demand demand = DemandOfAll(unit, priority);
  if (demand.used > header_->units[unit] || demand.wanted < 1 + priority ||
      demand.least_of_equals < own) {
    own_->in_use[unit].store(own, std::memory_order_relaxed);
    return Lack(unit, priority);
  }
  return true;
}

void Units::FetchForWake() const {
  Fetch(*header_);
  Fetch(*own_);
  Fetch(*this);
}

}  // namespace vnpu::firmware
