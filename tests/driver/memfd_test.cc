// Which descriptors of a client are accepted as what.
#include "driver/base/memfd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <liburing.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <cerrno>
#include <string>

namespace vnpu::driver {
namespace {

UniqueFd Make(uint64_t bytes, unsigned seals, unsigned flags = MFD_ALLOW_SEALING) {
  UniqueFd fd(memfd_create("test", flags));
  EXPECT_EQ(ftruncate(fd.get(), static_cast<off_t>(bytes)), 0);
  if (seals != 0) {
    EXPECT_EQ(fcntl(fd.get(), F_ADD_SEALS, seals), 0);
  }
  return fd;
}

TEST(CheckMemfd, NeedsTheSealAgainstShrinking) {
  EXPECT_EQ(CheckMemfd(Make(4096, F_SEAL_SHRINK).get(), 4096), 0);
  EXPECT_EQ(CheckMemfd(Make(4096, 0).get(), 4096), -EBADF);
  EXPECT_EQ(CheckMemfd(Make(4096, F_SEAL_GROW).get(), 4096), -EBADF);
}

TEST(CheckMemfd, NeedsTheSize) {
  EXPECT_EQ(CheckMemfd(Make(4096, F_SEAL_SHRINK).get(), 4097), -EINVAL);
}

TEST(CheckMemfd, NeedsToBeWritable) {
  EXPECT_EQ(CheckMemfd(Make(4096, F_SEAL_SHRINK | F_SEAL_WRITE).get(), 4096), -EBADF);
  const UniqueFd file = Make(4096, F_SEAL_SHRINK);
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  const UniqueFd reader(open(path.c_str(), O_RDONLY));
  ASSERT_TRUE(reader.valid());
  EXPECT_EQ(CheckMemfd(reader.get(), 4096), -EBADF);
}

TEST(CheckMemfd, ImagesAreImmutable) {
  EXPECT_EQ(CheckMemfd(Make(4096, F_SEAL_SHRINK).get(), 4096, true), -EBADF);
  EXPECT_EQ(CheckMemfd(Make(4096, F_SEAL_SHRINK | F_SEAL_WRITE).get(), 4096, true), 0);
}

TEST(CheckMemfd, RefusesWhatMayRaiseSigbus) {
  UniqueFd huge(memfd_create("test", MFD_HUGETLB | MFD_ALLOW_SEALING));
  if (!huge.valid() || ftruncate(huge.get(), 2 << 20) != 0) {
    GTEST_SKIP() << "no huge-page files here";
  }
  ASSERT_EQ(fcntl(huge.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  EXPECT_EQ(CheckMemfd(huge.get(), 4096), -EBADF);
}

TEST(CheckMemfd, RefusesOtherFiles) {
  const UniqueFd null(open("/dev/null", O_RDWR));
  EXPECT_EQ(CheckMemfd(null.get(), 0), -EBADF);
  EXPECT_EQ(CheckMemfd(-1, 0), -EBADF);
}

TEST(CheckEventfd, Kinds) {
  const UniqueFd event(eventfd(0, 0));
  const UniqueFd memory = Make(4096, F_SEAL_SHRINK);
  EXPECT_EQ(CheckEventfd(event.get()), 0);
  EXPECT_EQ(CheckEventfd(memory.get()), -EBADF);
  EXPECT_EQ(CheckUring(event.get()), -EBADF);
  io_uring ring;
  if (io_uring_queue_init(4, &ring, 0) == 0) {
    EXPECT_EQ(CheckUring(ring.ring_fd), 0);
    EXPECT_EQ(CheckEventfd(ring.ring_fd), -EBADF);
    io_uring_queue_exit(&ring);
  }
}

TEST(CreateMemfd, IsOfFixedSize) {
  UniqueFd fd;
  ASSERT_EQ(CreateMemfd("test", 8192, &fd), 0);
  EXPECT_EQ(ftruncate(fd.get(), 0), -1);
  EXPECT_EQ(ftruncate(fd.get(), 16384), -1);
}

}  // namespace
}  // namespace vnpu::driver
