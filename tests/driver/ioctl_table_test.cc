// The table of commands against uapi/vnpu/ioctl.h.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "driver/core/ioctl.h"

namespace vnpu::driver {
namespace {

TEST(IoctlTable, CommandsAreDistinct) {
  std::set<uint32_t> commands;
  std::set<uint32_t> numbers;
  for (const IoctlEntry& entry : IoctlTable()) {
    EXPECT_TRUE(commands.insert(entry.command).second) << entry.name;
    EXPECT_TRUE(numbers.insert(_IOC_NR(entry.command)).second) << entry.name;
    EXPECT_EQ(FindIoctl(entry.command), &entry);
  }
}

TEST(IoctlTable, NumbersSayTheNode) {
  for (const IoctlEntry& entry : IoctlTable()) {
    const uint32_t number = _IOC_NR(entry.command);
    const uint32_t nodes = number < 0x02 ? kOnBoth : number < 0x10 ? kOnManager : kOnDevice;
    EXPECT_EQ(_IOC_TYPE(entry.command), static_cast<uint32_t>(VNPU_IOC_MAGIC)) << entry.name;
    EXPECT_EQ(entry.nodes, nodes) << entry.name;
  }
}

TEST(IoctlTable, DescriptorsOnlyFromTheOpener) {
  for (const IoctlEntry& entry : IoctlTable()) {
    int offsets[2];
    vnpu_ioctl_fds(entry.command, offsets);
    const bool opener = entry.permission == IoctlPermission::kOpener ||
                        entry.permission == IoctlPermission::kPrivilegedOpener;
    EXPECT_EQ(opener, offsets[0] >= 0) << entry.name;
  }
}

TEST(IoctlTable, AdministrationIsPrivileged) {
  std::set<std::string> privileged;
  for (const IoctlEntry& entry : IoctlTable()) {
    if (entry.permission == IoctlPermission::kPrivileged ||
        entry.permission == IoctlPermission::kPrivilegedOpener) {
      privileged.insert(entry.name);
    }
  }
  EXPECT_EQ(privileged, (std::set<std::string>{"VNPU_IOC_RESET", "VNPU_IOC_FAULT",
                                               "VNPU_IOC_FIRMWARE_UPGRADE"}));
}

TEST(IoctlTable, OnlyTheVersionComesFirst) {
  for (const IoctlEntry& entry : IoctlTable()) {
    EXPECT_EQ((entry.flags & kIoctlBeforeVersion) != 0, entry.command == VNPU_IOC_VERSION)
        << entry.name;
  }
}

TEST(IoctlTable, DeviceCommandsNeedASession) {
  for (const IoctlEntry& entry : IoctlTable()) {
    const bool needs = (entry.flags & kIoctlNeedsSession) != 0;
    EXPECT_EQ(needs, entry.nodes == kOnDevice && entry.command != VNPU_IOC_SESSION) << entry.name;
    EXPECT_TRUE(needs || (entry.flags & kIoctlNeedsDevice) == 0) << entry.name;
  }
}

TEST(IoctlTable, SizeIsPartOfTheCommand) {
  EXPECT_EQ(FindIoctl(_IOC(_IOC_READ | _IOC_WRITE, VNPU_IOC_MAGIC, _IOC_NR(VNPU_IOC_RESERVE),
                           sizeof(vnpu_ioc_reserve) + 8)),
            nullptr);
  EXPECT_EQ(FindIoctl(0), nullptr);
}

}  // namespace
}  // namespace vnpu::driver
