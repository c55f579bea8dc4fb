// mmap(2) of a device node: the information page.
#include <sys/mman.h>

#include <cstring>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class InfoPageTest : public NodeTest {};

TEST_F(InfoPageTest, TellsWhatTheQueryTells) {
  const auto file = vnpud().Open("davinci0");
  vnpu_device_info info{};
  ASSERT_OK(file->Ioctl(VNPU_IOC_DEVICE_QUERY, &info));
  void* page = mmap(nullptr, VNPU_PAGE_SIZE, PROT_READ, MAP_PRIVATE, file->fd(), VNPU_INFO_OFFSET);
  ASSERT_NE(page, MAP_FAILED) << std::strerror(errno);
  const auto* mapped = static_cast<const vnpu_device_info*>(page);
  EXPECT_EQ(std::memcmp(mapped->units, info.units, sizeof(info.units)), 0);
  EXPECT_EQ(mapped->hbm_total, info.hbm_total);
  EXPECT_EQ(mapped->clock_hz, info.clock_hz);
  EXPECT_STREQ(mapped->soc_name, info.soc_name);
  munmap(page, VNPU_PAGE_SIZE);
}

TEST_F(InfoPageTest, CannotBeSharedForWriting) {
  const auto file = vnpud().Open("davinci0");
  void* page = mmap(nullptr, VNPU_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd(),
                    VNPU_INFO_OFFSET);
  EXPECT_EQ(page, MAP_FAILED);
}

}  // namespace
}  // namespace vnpu::raw
