// The units of the device as one session sees them: how many it runs on, and whether another one
// is free. Figures of all sessions stand on the device board.
#ifndef VNPU_FIRMWARE_SCHEDULER_UNITS_H_
#define VNPU_FIRMWARE_SCHEDULER_UNITS_H_

#include <bit>
#include <cstdint>

#include "firmware/device/board.h"

namespace vnpu::firmware {

// Called with the scheduler's lock held.
class Units {
 public:
  // `slots` are the kBoardSlots pages of the board, `own` this session's (writable).
  Units(const BoardHeader* header, const std::byte* slots, BoardSlot* own)
      : header_(header), slots_(slots), own_(own) {}

  // False for a unit that the device has none of.
  bool Exists(uint32_t unit) const { return header_->units[Counted(unit)] != 0; }
  uint32_t Count(uint32_t unit) const { return header_->units[Counted(unit)]; }
  // Whether so many units are free on the whole device at this moment; if not, others learn that a
  // task of this priority lacks them.
  bool AllFree(uint32_t unit, uint32_t priority, uint32_t count);
  // Takes one unit if one is free on the whole device, no other session lacks it for a task of a
  // higher priority, and none that has fewer of them lacks it for one of the same priority. A core
  // number below the unit's count goes to *core.
  bool Acquire(uint32_t unit, uint32_t priority, uint32_t* core) {
    unit = Counted(unit);
    const uint32_t own = own_->in_use[unit].load(std::memory_order_relaxed);
    if (own >= header_->units[unit]) {
      return Lack(unit, priority);
    }
    if (Alone()) [[likely]] {
      own_->in_use[unit].store(own + 1, std::memory_order_relaxed);
    } else if (!AcquireAmongOthers(unit, priority, own)) {
      return false;
    }
    *core = TakeCore(unit);
    return true;
  }
  void Release(uint32_t unit, uint32_t core, uint64_t busy_ns) {
    unit = Counted(unit);
    if (core < kMaxCores) {
      core_bits_[unit][core / 64] &= ~(1ull << (core % 64));
    }
    Add(own_->in_use[unit], UINT32_MAX);
    Add(own_->busy_ns[unit], busy_ns);
  }
  // Tells other sessions what Acquire() has refused since the last call; it is called for the
  // highest priority first.
  void PublishWanted() {
    if (lacking_ != published_) {
      own_->wanted.store(lacking_, std::memory_order_relaxed);
      published_ = lacking_;
    }
    lacking_ = 0;
  }
  // No other session lives on the device.
  bool Alone() const { return header_->live_sessions.load(std::memory_order_relaxed) <= 1; }
  // For a unit that runs the next piece of work at once, in place of Release() and Acquire().
  void CountBusy(uint32_t unit, uint64_t busy_ns) { Add(own_->busy_ns[Counted(unit)], busy_ns); }
  void FetchForWake() const;
  void CountTasks(uint64_t tasks) { Add(own_->tasks, tasks); }

 private:
  static constexpr uint32_t kMaxCores = 256;

  // The board's unit for a core type: a mixed kernel runs on an AI core.
  static uint32_t Counted(uint32_t unit) {
    return unit == VNPU_UNIT_MIX ? uint32_t{VNPU_UNIT_AI_CORE} : unit;
  }
  // One writer: a plain add is enough, and cheaper than a locked one.
  template <typename T>
  static void Add(std::atomic<T>& word, T value) {
    word.store(word.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
  }
  static constexpr uint32_t kWantedBits = 4;

  // Of all sessions: how many units they use, and for which priority they lack one (as wanted); and
  // how many those of the others have at least that lack one for the priority asked about.
  struct Demand {
    uint32_t used = 0;
    uint32_t wanted = UINT32_MAX;
    uint32_t least_of_equals = UINT32_MAX;
  };
  Demand DemandOfAll(uint32_t unit, uint32_t priority) const;
  bool AcquireAmongOthers(uint32_t unit, uint32_t priority, uint32_t own);
  // The first one that this session does not run on; kMaxCores: there are that many.
  uint32_t TakeCore(uint32_t unit) {
    for (uint32_t word = 0; word < kMaxCores / 64; ++word) {
      uint64_t& bits = core_bits_[unit][word];
      if (bits != UINT64_MAX) [[likely]] {
        const auto bit = static_cast<uint32_t>(std::countr_one(bits));
        bits |= bits + 1;
        return word * 64 + bit;
      }
    }
    return kMaxCores;
  }
  bool Lack(uint32_t unit, uint32_t priority);

  const BoardHeader* header_;
  const std::byte* slots_;
  BoardSlot* own_;
  uint32_t lacking_ = 0;                                      // as BoardSlot::wanted
  uint32_t published_ = 0;                                    // what stands there
  uint64_t core_bits_[VNPU_UNIT_COUNT][kMaxCores / 64] = {};  // cores this session runs on
};

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_SCHEDULER_UNITS_H_
