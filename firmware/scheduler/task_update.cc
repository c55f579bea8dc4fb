// Entries that change tasks by what stands in memory: which kernel runs with how many blocks, and
// what random numbers are made of.
#include <array>
#include <bit>
#include <cstddef>
#include <utility>

#include "firmware/scheduler/model.h"
#include "firmware/scheduler/scheduler.h"
#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {
namespace {

constexpr size_t kWords = sizeof(vnpu_random_update) / sizeof(uint64_t);

bool Unpack(const vnpu_packed_value& packed, vnpu_random_value* value) {
  *value = {
      .bits = std::bit_cast<uint64_t>(packed.value), .in_memory = packed.in_memory, .reserved = 0};
  if (packed.in_memory == 1) {
    return true;
  }
  if (packed.in_memory != 0 || packed.size == 0 || packed.size > sizeof(uint64_t)) {
    return false;
  }
  value->bits &= UINT64_MAX >> (8 * (sizeof(uint64_t) - packed.size));
  return true;
}

}  // namespace

// nullptr: the entry names none.
vnpu_sqe_kernel* Scheduler::KernelToUpdate(const Rtsq& queue) const {
  const vnpu_sqe_kernel_update& update = queue.task.sqe.kernel_update;
  const Model* model = queue.model;
  if (model == nullptr) {
    model = FindModel(update.model_id);
  } else if (update.model_id != 0) {
    return nullptr;
  }
  if (model == nullptr || update.offset % sizeof(vnpu_sqe) != 0) {
    return nullptr;
  }
  const uint64_t base = queue.model != nullptr ? model->image_offset() : 0;
  const uint64_t room = model->memory.size() - base;
  if (room < sizeof(vnpu_sqe) || update.offset > room - sizeof(vnpu_sqe)) {
    return nullptr;
  }
  auto* entry = reinterpret_cast<vnpu_sqe*>(model->memory.data() + base + update.offset);
  return LoadShared(entry->opcode) == VNPU_OP_KERNEL ? &entry->kernel : nullptr;
}

// The func_id of a kernel that the entry lets one choose.
uint32_t Scheduler::ChooseKernel(const Rtsq& queue, uint64_t number) const {
  const vnpu_sqe_kernel_update& update = queue.task.sqe.kernel_update;
  if (number >= update.kernels) {
    return VNPU_NO_FUNCTION;
  }
  const auto* ids = reinterpret_cast<const uint32_t*>(queue.mem.args + update.arg_offset);
  return LoadShared(ids[number]);
}

uint32_t Scheduler::RunKernelUpdate(Rtsq* queue) {
  const vnpu_sqe_kernel_update& update = queue->task.sqe.kernel_update;
  vnpu_sqe_kernel* target = KernelToUpdate(*queue);
  if (target == nullptr || update.kernels == 0 || update.kernels > VNPU_MAX_UPDATE_KERNELS ||
      update.kernel_va % sizeof(uint64_t) != 0 || update.blocks_va % sizeof(uint32_t) != 0 ||
      update.arg_offset % sizeof(uint32_t) != 0 || update.arg_offset > queue->mem.arg_bytes ||
      update.kernels * sizeof(uint32_t) > queue->mem.arg_bytes - update.arg_offset ||
      update.reserved0 != 0 || update.reserved1 != 0) {
    return VNPU_E_INVALID_SQE;
  }
  uint64_t number = 0;
  int64_t blocks = 0;
  uint32_t status = LoadForTask(queue, update.kernel_va, &number);
  if (status == VNPU_OK) {
    status = LoadNumber(queue, update.blocks_va, sizeof(uint32_t), &blocks);
  }
  if (status != VNPU_OK) {
    return status;
  }
  const uint32_t id = ChooseKernel(*queue, number);
  const Function* chosen = function(id);
  if (chosen == nullptr || chosen->arg_size != LoadShared(target->arg_size) || blocks < 1 ||
      blocks > int64_t{VNPU_MAX_BLOCKS}) {
    return VNPU_E_INVALID_SQE;
  }
  // Both at once, so that a stream that fetches the entry never sees a part of the change.
  static_assert(offsetof(vnpu_sqe_kernel, block_dim) == sizeof(uint32_t));
  StoreShared(*reinterpret_cast<uint64_t*>(target), static_cast<uint64_t>(blocks) << 32 | id);
  Complete(queue, VNPU_OK);
  return VNPU_OK;
}

uint32_t Scheduler::RunRandomUpdate(Rtsq* queue) {
  Task& task = queue->task;
  const vnpu_sqe_random_update& update = task.sqe.random_update;
  if (update.params % sizeof(uint64_t) != 0 || update.source % sizeof(uint64_t) != 0 ||
      !AllZero(update.reserved)) {
    return VNPU_E_INVALID_SQE;
  }
  std::array<uint64_t, kWords> words{};
  for (size_t i = 0; i < kWords; ++i) {
    const uint64_t va = update.source + i * sizeof(uint64_t);
    if (const uint32_t status = LoadForTask(queue, va, &words[i]); status != VNPU_OK) {
      return status;
    }
  }
  const auto source = std::bit_cast<vnpu_random_update>(words);
  vnpu_random_value seed{};
  vnpu_random_value count{};
  if (!Unpack(source.seed, &seed) || !Unpack(source.count, &count)) {
    return VNPU_E_INVALID_SQE;
  }
  const std::pair<size_t, uint64_t> stores[] = {
      {offsetof(vnpu_random, result), source.result},
      {offsetof(vnpu_random, counter), source.counter},
      {offsetof(vnpu_random, seed), seed.bits},
      {offsetof(vnpu_random, seed) + sizeof(uint64_t), seed.in_memory},
      {offsetof(vnpu_random, count), count.bits},
      {offsetof(vnpu_random, count) + sizeof(uint64_t), count.in_memory}};
  for (const auto& [offset, word] : stores) {
    if (const uint32_t status = platform_->StoreWord(update.params + offset, word);
        status != VNPU_OK) {
      NoteFault(&task, status, update.params + offset, /*is_write=*/true);
      return status;
    }
  }
  Complete(queue, VNPU_OK);
  return VNPU_OK;
}

}  // namespace vnpu::firmware
