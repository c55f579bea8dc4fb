// Random numbers as a task: fetches what the task points to, then makes them.
#include <utility>

#include "vdev/dma.h"
#include "vdev/random.h"

namespace vnpu::vdev {
namespace {

void RandomCode(const void* a, const void* /*b*/) {
  GenerateRandom(*static_cast<const RandomJob*>(a));
}

}  // namespace

CoreResult DmaChannel::Fetch(const vnpu_random_value& value, uint64_t bytes, uint64_t* out) {
  *out = 0;
  if (value.in_memory > 1 || value.reserved != 0) {
    return {.status = VNPU_E_INVALID_SQE};
  }
  if (value.in_memory == 1) {
    return Load(value.bits, out, bytes);
  }
  *out = value.bits;
  return {};
}

CoreResult DmaChannel::Random(const vnpu_sqe_random& random) {
  vnpu_random params{};
  CoreResult result = Load(random.params, &params, sizeof(params));
  if (result.status != VNPU_OK) {
    return result;
  }
  RandomJob job{.distribution = params.distribution, .type = params.type};
  job.result = reinterpret_cast<std::byte*>(params.result);
  if (params.reserved != 0 || !RandomIsSound(job)) {
    return {.status = VNPU_E_INVALID_SQE};
  }
  const uint64_t width = RandomTypeBytes(params.type);
  const std::pair<const vnpu_random_value*, uint64_t*> values[] = {{&params.first, &job.first},
                                                                   {&params.second, &job.second},
                                                                   {&params.seed, &job.seed},
                                                                   {&params.count, &job.count}};
  for (const auto& [value, out] : values) {
    const bool wide = value == &params.seed || value == &params.count;
    result = Fetch(*value, wide ? sizeof(uint64_t) : width, out);
    if (result.status != VNPU_OK) {
      return result;
    }
  }
  result = Load(params.counter, job.counter.data(), sizeof(job.counter));
  if (result.status != VNPU_OK) {
    return result;
  }
  uint64_t fault = 0;
  if (!mmu_->Check(params.result, RandomResultBytes(job), kPteWrite, &fault)) {
    return {.status = VNPU_E_DMA_ADDRESS, .is_write = true, .address = fault};
  }
  return RunMapped(RandomCode, &job);
}

}  // namespace vnpu::vdev
