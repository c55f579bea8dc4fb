// The store of firmware plug-ins: upgrades, refusals, who uses what.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <string>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class FirmwareTest : public RawTest {
 protected:
  vnpu_ioc_firmware List(uint32_t index) {
    vnpu_ioc_firmware arg{};
    arg.index = index;
    const int result = manager().Ioctl(VNPU_IOC_FIRMWARE, &arg);
    EXPECT_EQ(result, 0);
    return arg;
  }
  int Upgrade(const std::string& path, vnpu_ioc_firmware_upgrade* arg) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    EXPECT_EQ(fstat(fd.get(), &status), 0) << path;
    arg->fd = fd.get();
    arg->bytes = arg->bytes != 0 ? arg->bytes : static_cast<uint64_t>(status.st_size);
    return manager().Ioctl(VNPU_IOC_FIRMWARE_UPGRADE, arg);
  }
  int UpgradeTo(const std::string& plugin) {
    vnpu_ioc_firmware_upgrade arg{};
    return Upgrade(Plugin(plugin), &arg);
  }
  // The plug-in is refused for this reason, and the shipped one stays.
  void ExpectRefused(const std::string& path, const std::string& reason) {
    vnpu_ioc_firmware_upgrade arg{};
    EXPECT_ERRNO(ENOEXEC, Upgrade(path, &arg));
    EXPECT_NE(std::string(arg.message).find(reason), std::string::npos) << arg.message;
    EXPECT_EQ(List(0).active, 1u);
    vnpu_ioc_firmware second{};
    second.index = 1;
    EXPECT_ERRNO(ENOENT, manager().Ioctl(VNPU_IOC_FIRMWARE, &second));
  }
  static std::string Plugin(const std::string& name) { return VNPU_TEST_PLUGINS + name + ".so"; }

  // Whether a session can have a fifth queue, which the second version refuses.
  static bool HasFiveQueues(Session* session) {
    vnpu_ioc_qmem_add qmem{};
    const uint64_t bytes = vnpu_queue_bytes(64, 0);
    const UniqueFd memory = MakeSealedMemfd(5 * bytes);
    qmem.size = 5 * bytes;
    qmem.fd = memory.get();
    session->Must(VNPU_IOC_QMEM_ADD, &qmem, "queue memory");
    int result = 0;
    for (uint64_t i = 0; i < 5 && result == 0; ++i) {
      vnpu_ioc_queue_create create{};
      create.qmem_id = qmem.qmem_id;
      create.offset = i * bytes;
      create.sq_entries = 64;
      result = session->Ioctl(VNPU_IOC_QUEUE_CREATE, &create);
    }
    EXPECT_TRUE(result == 0 || result == -ENOSPC) << result;
    return result == 0;
  }
};

TEST_P(FirmwareTest, DevicesBeginWithTheShippedPlugin) {
  const vnpu_ioc_firmware shipped = List(0);
  EXPECT_EQ(shipped.active, 1u);
  EXPECT_EQ(shipped.sessions, 0u);
  EXPECT_NE(shipped.version[0], '\0');
  EXPECT_GT(shipped.bytes, 0u);
  const Session session(vnpud());
  EXPECT_EQ(List(0).sessions, 1u);
}

TEST_P(FirmwareTest, NewSessionsTakeTheNewOneOldOnesKeepTheirs) {
  Session old(vnpud());
  vnpu_ioc_firmware_upgrade arg{};
  ASSERT_OK(Upgrade(Plugin("second"), &arg));
  EXPECT_EQ(arg.index, 1u);
  EXPECT_STREQ(arg.version, "2.0.0-second");
  EXPECT_EQ(List(0).active, 0u);
  EXPECT_EQ(List(1).active, 1u);
  EXPECT_STREQ(List(1).version, "2.0.0-second");
  EXPECT_TRUE(HasFiveQueues(&old));
  if (!kOneWindow) {
    Session fresh(vnpud());
    EXPECT_EQ(List(0).sessions, 1u);
    EXPECT_EQ(List(1).sessions, 1u);
    EXPECT_FALSE(HasFiveQueues(&fresh));
  }
}

TEST_P(FirmwareTest, TheCountOfSessionsGoesDown) {
  { const Session session(vnpud()); }
  EXPECT_TRUE(Eventually(kPatience, [&] { return List(0).sessions == 0; }));
}

TEST_P(FirmwareTest, OneInStoreCanBeMadeActiveAgain) {
  ASSERT_OK(UpgradeTo("second"));
  ASSERT_OK(UpgradeTo("second"));
  EXPECT_EQ(List(1).active, 1u);
  ASSERT_OK(Upgrade(VNPU_TEST_SHIPPED_PLUGIN, std::make_unique<vnpu_ioc_firmware_upgrade>().get()));
  EXPECT_EQ(List(0).active, 1u);
  EXPECT_EQ(List(1).active, 0u);
  Session session(vnpud());
  EXPECT_TRUE(HasFiveQueues(&session));
}

TEST_P(FirmwareTest, AVersionStandsForOneFile) {
  ASSERT_OK(UpgradeTo("second"));
  EXPECT_ERRNO(EEXIST, UpgradeTo("same_version"));
  EXPECT_EQ(List(1).active, 1u);
}

TEST_P(FirmwareTest, PluginsThatDoNotWorkAreRefused) {
  ExpectRefused(Plugin("failing"), "the answer is not 42");
  ExpectRefused(Plugin("other_interface"), "version 2 of the interface");
  ExpectRefused(Plugin("incomplete"), "incomplete");
  ExpectRefused(Plugin("no_table"), "no vnpu_compat_table");
  ExpectRefused(Plugin("no_version"), "does not say its version");
  ExpectRefused(__FILE__, "not an ELF file");
  ExpectRefused("/bin/true", "does not say its version");
}

TEST_P(FirmwareTest, PluginsThatHarmTheirProcessAreRefused) {
#if defined(__SANITIZE_ADDRESS__)
  ExpectRefused(Plugin("crashing"), "its self-test");
#else
  ExpectRefused(Plugin("crashing"), "crashed");
#endif
  ExpectRefused(Plugin("exiting"), "exit status 5");
  ExpectRefused(Plugin("hanging"), "did not end");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  ExpectRefused(Plugin("calling"), "crashed");  // under the filter of device code
#endif
}

TEST_P(FirmwareTest, DamagedFilesAreRefused) {
  const std::string whole = ReadFile(Plugin("second"));
  std::string damaged = whole.substr(0, whole.size() / 2);
  const UniqueFd fd = MakeMemfd(damaged.size(), 0);
  ASSERT_EQ(pwrite(fd.get(), damaged.data(), damaged.size(), 0),
            static_cast<ssize_t>(damaged.size()));
  vnpu_ioc_firmware_upgrade arg{};
  arg.fd = fd.get();
  arg.bytes = damaged.size();
  EXPECT_ERRNO(ENOEXEC, manager().Ioctl(VNPU_IOC_FIRMWARE_UPGRADE, &arg));
  EXPECT_NE(arg.message[0], '\0');
  EXPECT_EQ(List(0).active, 1u);
}

TEST_P(FirmwareTest, FieldsOutOfRange) {
  vnpu_ioc_firmware_upgrade arg{};
  arg.device = 7;
  EXPECT_ERRNO(EINVAL, Upgrade(Plugin("second"), &arg));
  arg = {};
  arg.flags = 1;
  EXPECT_ERRNO(EINVAL, Upgrade(Plugin("second"), &arg));
  arg = {};
  arg.bytes = VNPU_MAX_FIRMWARE_BYTES + 1;
  EXPECT_ERRNO(EINVAL, Upgrade(Plugin("second"), &arg));
  arg = {};
  arg.bytes = 1u << 20;  // more than the file has
  EXPECT_ERRNO(EINVAL, Upgrade(Plugin("second"), &arg));
  arg = {};
  arg.bytes = 100;
  arg.fd = 12345;
  EXPECT_ERRNO(EBADF, manager().Ioctl(VNPU_IOC_FIRMWARE_UPGRADE, &arg));
  const UniqueFd not_a_file = MakeEventfd();
  arg.fd = not_a_file.get();
  EXPECT_ERRNO(EINVAL, manager().Ioctl(VNPU_IOC_FIRMWARE_UPGRADE, &arg));
  vnpu_ioc_firmware list{};
  list.device = 7;
  EXPECT_ERRNO(EINVAL, manager().Ioctl(VNPU_IOC_FIRMWARE, &list));
  list = {};
  list.index = 1;
  EXPECT_ERRNO(ENOENT, manager().Ioctl(VNPU_IOC_FIRMWARE, &list));
}

RAW_TEST_SUITE(FirmwareTest);

}  // namespace
}  // namespace vnpu::raw
