// Version and features come first.
#include <vnpu/ioctl.h>

#include <cstring>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class VersionTest : public RawTest {};

TEST_P(VersionTest, CommandsBeforeItFail) {
  const auto manager_file = vnpud().TryOpen("davinci_manager");
  const auto device_file = vnpud().TryOpen("davinci0");
  ASSERT_NE(manager_file, nullptr);
  ASSERT_NE(device_file, nullptr);
  vnpu_device_info info{};
  vnpu_ioc_manager about{};
  vnpu_ioc_session session{};
  vnpu_ioc_reserve reserve{0, VNPU_PAGE_SIZE, 0, 0};
  EXPECT_ERRNO(EPROTO, manager_file->Ioctl(VNPU_IOC_DEVICE_QUERY, &info));
  EXPECT_ERRNO(EPROTO, manager_file->Ioctl(VNPU_IOC_MANAGER, &about));
  EXPECT_ERRNO(EPROTO, device_file->Ioctl(VNPU_IOC_DEVICE_QUERY, &info));
  EXPECT_ERRNO(EPROTO, device_file->Ioctl(VNPU_IOC_SESSION, &session));
  EXPECT_ERRNO(EPROTO, device_file->Ioctl(VNPU_IOC_RESERVE, &reserve));
}

TEST_P(VersionTest, OtherVersionsAreRefusedAndToldOurs) {
  const auto file = vnpud().TryOpen("davinci0");
  for (const uint32_t wrong : {0u, VNPU_ABI_VERSION + 1, UINT32_MAX}) {
    vnpu_ioc_version version{wrong, 0, VNPU_FEATURES_ALL};
    EXPECT_ERRNO(EPROTONOSUPPORT, file->Ioctl(VNPU_IOC_VERSION, &version));
    EXPECT_EQ(version.abi_version, VNPU_ABI_VERSION);
  }
  vnpu_device_info info{};
  EXPECT_ERRNO(EPROTO, file->Ioctl(VNPU_IOC_DEVICE_QUERY, &info));
  Negotiate(file.get());
  EXPECT_OK(file->Ioctl(VNPU_IOC_DEVICE_QUERY, &info));
}

TEST_P(VersionTest, FeaturesAreThoseOfBoth) {
  const auto file = vnpud().TryOpen("davinci_manager");
  for (const uint64_t ours : {uint64_t{0}, uint64_t{VNPU_FEATURE_SUBMIT_WRITE}, ~uint64_t{0}}) {
    vnpu_ioc_version version{VNPU_ABI_VERSION, 0, ours};
    EXPECT_OK(file->Ioctl(VNPU_IOC_VERSION, &version));
    EXPECT_EQ(version.features & ~(ours & VNPU_FEATURES_ALL), 0u);
    EXPECT_EQ(version.abi_version, VNPU_ABI_VERSION);
  }
  vnpu_ioc_version reserved{VNPU_ABI_VERSION, 1, VNPU_FEATURES_ALL};
  EXPECT_ERRNO(EINVAL, file->Ioctl(VNPU_IOC_VERSION, &reserved));
}

TEST_P(VersionTest, FeaturesLeftOutCannotBeUsed) {
  auto file = vnpud().TryOpen("davinci0");
  vnpu_ioc_version version{VNPU_ABI_VERSION, 0, VNPU_FEATURE_IRQ_EVENTFD};
  ASSERT_OK(file->Ioctl(VNPU_IOC_VERSION, &version));
  Session session(std::move(file));
  const Queue queue = session.CreateQueue({.flags = VNPU_QUEUE_DRIVER_SUBMIT});
  vnpu_sqe sqe = Nop();
  sqe.queue_id = queue.id;
  EXPECT_ERRNO(EINVAL, session.file().Write(&sqe, sizeof(sqe)));
  vnpu_ioc_submit submit{};
  std::memcpy(submit.sqe, &sqe, sizeof(sqe));
  EXPECT_ERRNO(EINVAL, session.Ioctl(VNPU_IOC_SUBMIT, &submit));
}

TEST_P(VersionTest, CommandsOfASessionWantOne) {
  const auto file = vnpud().Open("davinci0");
  vnpu_ioc_reserve reserve{0, VNPU_PAGE_SIZE, 0, 0};
  vnpu_ioc_pmem_alloc alloc{VNPU_PAGE_SIZE, 0, 0, 0, 0};
  vnpu_ioc_queue_query query{};
  vnpu_ioc_event_alloc events{};
  events.count = 1;
  vnpu_sqe sqe = Nop();
  vnpu_cqe cqe{};
  EXPECT_ERRNO(ENXIO, file->Ioctl(VNPU_IOC_RESERVE, &reserve));
  EXPECT_ERRNO(ENXIO, file->Ioctl(VNPU_IOC_PMEM_ALLOC, &alloc));
  EXPECT_ERRNO(ENXIO, file->Ioctl(VNPU_IOC_QUEUE_QUERY, &query));
  EXPECT_ERRNO(ENXIO, file->Ioctl(VNPU_IOC_EVENT_ALLOC, &events));
  EXPECT_ERRNO(ENXIO, file->Write(&sqe, sizeof(sqe)));
  EXPECT_ERRNO(ENXIO, file->Read(&cqe, sizeof(cqe)));
}

RAW_TEST_SUITE(VersionTest);

}  // namespace
}  // namespace vnpu::raw
