// The page of a notify that several sessions share: a memory file of its own, made by the driver
// and mapped by the device processes of all its users, none of whom trusts what stands there.
#ifndef VNPU_FIRMWARE_DEVICE_NOTIFY_PAGE_H_
#define VNPU_FIRMWARE_DEVICE_NOTIFY_PAGE_H_

#include <atomic>
#include <cstdint>

namespace vnpu::firmware {

struct NotifyPage {
  std::atomic<uint64_t> count;
  // Not 0: a user that waits sleeps. Who changes the count afterwards exchanges it with 0 and asks
  // the driver to kick the users.
  std::atomic<uint32_t> sleepers;
};
inline constexpr uint64_t kNotifyPageBytes = 4096;
static_assert(sizeof(NotifyPage) <= kNotifyPageBytes);

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_DEVICE_NOTIFY_PAGE_H_
