// Random numbers of the virtual silicon: Philox4x32-10 and the distributions made from it.
#ifndef VNPU_VDEV_RANDOM_H_
#define VNPU_VDEV_RANDOM_H_

#include <vnpu/queue.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace vnpu::vdev {

// The 128-bit number `counter` + `steps`, scrambled with `key`.
std::array<uint32_t, 4> Philox(uint64_t key, const std::array<uint64_t, 2>& counter,
                               uint64_t steps);

// What to make; everything that struct vnpu_random points to, fetched.
struct RandomJob {
  uint32_t distribution = 0;  // enum vnpu_distribution
  uint32_t type = 0;          // enum vnpu_type
  uint64_t seed = 0;
  uint64_t count = 0;
  std::array<uint64_t, 2> counter{};
  uint64_t first = 0;  // bits of the parameters
  uint64_t second = 0;
  std::byte* result = nullptr;
};

// Bytes of a type that RANDOM knows; 0 for others.
uint64_t RandomTypeBytes(uint32_t type);
// False when the distribution does not exist or has no numbers of the type.
bool RandomIsSound(const RandomJob& job);
// Bytes that the job writes; UINT64_MAX when they are beyond all memory.
uint64_t RandomResultBytes(const RandomJob& job);

// Writes the numbers of a sound job to memory that is checked.
void GenerateRandom(const RandomJob& job);

}  // namespace vnpu::vdev

#endif  // VNPU_VDEV_RANDOM_H_
