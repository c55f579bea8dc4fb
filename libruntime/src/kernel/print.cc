#include "libruntime/src/kernel/print.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/pinned_memory.h"

namespace vnpu::runtime {

size_t KernelPrints::RingCount() const {
  const vnpu_device_info& info = session_.info();
  return size_t{info.units[VNPU_UNIT_AI_CORE]} + info.units[VNPU_UNIT_VECTOR_CORE] +
         info.units[VNPU_UNIT_AI_CPU];
}

std::string KernelPrints::CoreName(size_t index) const {
  const auto& units = session_.info().units;
  if (index < units[VNPU_UNIT_AI_CORE]) {
    return fmt::format("AI core {}", index);
  }
  index -= units[VNPU_UNIT_AI_CORE];
  if (index < units[VNPU_UNIT_VECTOR_CORE]) {
    return fmt::format("vector core {}", index);
  }
  return fmt::format("AI CPU {}", index - units[VNPU_UNIT_VECTOR_CORE]);
}

aclError KernelPrints::Prepare() {
  const std::lock_guard lock(mutex_);
  if (rings_.load() != nullptr) {
    return ACL_SUCCESS;
  }
  const uint32_t bytes = fifo_bytes_.load();
  std::byte* memory = nullptr;
  VNPU_RETURN_IF_ERROR(session_.pinned_memory().Allocate(RingCount() * uint64_t{bytes}, &memory));
  for (size_t i = 0; i < RingCount(); ++i) {
    std::memset(memory + i * bytes, 0, sizeof(vnpu_print_fifo));
  }
  ring_bytes_ = bytes;
  readers_.assign(RingCount(), {});
  vnpu_session_mem& mem = session_.mem();
  StoreShared(mem.print_fifo_bytes, bytes, std::memory_order_release);
  StoreShared(mem.print_va, reinterpret_cast<uint64_t>(memory), std::memory_order_release);
  rings_.store(memory, std::memory_order_release);
  return ACL_SUCCESS;
}

aclError KernelPrints::SetFifoBytes(uint64_t bytes) {
  if (bytes < VNPU_PRINT_FIFO_MIN || bytes > VNPU_PRINT_FIFO_MAX) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} bytes for what a core prints; it takes {} to {}",
                bytes, VNPU_PRINT_FIFO_MIN, VNPU_PRINT_FIFO_MAX);
  }
  constexpr uint64_t kStep = 8;
  Flush(std::nullopt);
  {
    const std::lock_guard lock(mutex_);
    fifo_bytes_.store(static_cast<uint32_t>(RoundUp(bytes, kStep)));
    if (rings_.load() == nullptr) {
      return ACL_SUCCESS;
    }
    // The old rings stay allocated: a kernel that runs may still write there.
    StoreShared(session_.mem().print_va, uint64_t{0}, std::memory_order_seq_cst);
    rings_.store(nullptr);
  }
  return Prepare();
}

void KernelPrints::Take(Reader* reader, const vnpu_print_record& record, const std::string& printed,
                        std::string* text) {
  const bool same = reader->begun_by == record.queue_id && reader->begun_task == record.task &&
                    reader->begun_block == record.block;
  if (!same) {
    // Its block has ended: one core runs one block after the other.
    text->append(std::exchange(reader->begun, {}));
  }
  reader->begun_by = record.queue_id;
  reader->begun_task = record.task;
  reader->begun_block = record.block;
  reader->begun += printed;
  const size_t end = reader->begun.rfind('\n');
  if (end != std::string::npos) {
    text->append(reader->begun, 0, end + 1);
    reader->begun.erase(0, end + 1);
  }
}

void KernelPrints::ReadRing(size_t index, std::optional<uint32_t> done, std::string* text) {
  std::byte* const ring = rings_.load() + index * ring_bytes_;
  auto& fifo = *reinterpret_cast<vnpu_print_fifo*>(ring);
  const std::byte* const data = ring + sizeof(fifo);
  const uint64_t capacity = ring_bytes_ - sizeof(fifo);
  Reader& reader = readers_[index];
  uint64_t head = fifo.head;
  const uint64_t tail = LoadShared(fifo.tail, std::memory_order_acquire);
  std::vector<std::byte> copy;
  while (head < tail && tail - head <= capacity) {
    vnpu_print_record record;
    const auto take = [&](void* to, uint64_t bytes) {
      const uint64_t from = head % capacity;
      const uint64_t first = std::min(bytes, capacity - from);
      std::memcpy(to, data + from, first);
      std::memcpy(static_cast<std::byte*>(to) + first, data, bytes - first);
    };
    take(&record, sizeof(record));
    if (record.bytes < sizeof(record) || record.bytes > tail - head) {
      break;
    }
    copy.resize(record.bytes);
    take(copy.data(), record.bytes);
    Take(&reader, record, PrintedText(copy.data(), copy.size()), text);
    head += record.bytes;
  }
  StoreShared(fifo.head, tail, std::memory_order_release);
  if (!done.has_value() || *done == reader.begun_by) {
    text->append(std::exchange(reader.begun, {}));
  }
  const uint64_t lost = LoadShared(fifo.lost, std::memory_order_acquire);
  if (lost != reader.lost) {
    *text += fmt::format(
        "[vnpu] {} calls of printf on {} are lost: its buffer of {} bytes was full "
        "(ACL_RT_DEV_LIMIT_SIMD_PRINTF_FIFO_SIZE_PER_CORE)\n",
        lost - reader.lost, CoreName(index), ring_bytes_);
    reader.lost = lost;
  }
}

void KernelPrints::FlushRings(std::optional<uint32_t> done) {
  const std::lock_guard lock(mutex_);
  if (rings_.load() == nullptr) {
    return;
  }
  std::string text;
  for (size_t i = 0; i < readers_.size(); ++i) {
    ReadRing(i, done, &text);
  }
  if (!text.empty()) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }
}

}  // namespace vnpu::runtime
