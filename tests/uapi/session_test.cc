// Setting a session up.
#include <fcntl.h>
#include <sys/mman.h>

#include <climits>
#include <functional>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class SessionTest : public RawTest {
 protected:
  void SetUp() override {
    RawTest::SetUp();
    if (IsSkipped()) {
      return;
    }
    file_ = vnpud().Open("davinci0");
    mem_ = MakeSealedMemfd(VNPU_SESSION_MEM_BYTES);
    kick_ = MakeEventfd();
  }
  void TearDown() override {
    file_.reset();
    RawTest::TearDown();
  }

  vnpu_ioc_session Good() const {
    vnpu_ioc_session arg{};
    arg.window_base = kFreeWindow;
    arg.mem_fd = mem_.get();
    arg.kick_fd = kick_.get();
    return arg;
  }
  int Try(const std::function<void(vnpu_ioc_session*)>& change) {
    vnpu_ioc_session arg = Good();
    change(&arg);
    return file_->Ioctl(VNPU_IOC_SESSION, &arg);
  }
  int TryWithMemory(const UniqueFd& memory) {
    return Try([&](vnpu_ioc_session* arg) { arg->mem_fd = memory.get(); });
  }

  std::unique_ptr<RawFile> file_;
  UniqueFd mem_;
  UniqueFd kick_;
};

TEST_P(SessionTest, FlagsNeedTheirFeatures) {
  file_ = vnpud().TryOpen("davinci0");
  vnpu_ioc_version version{VNPU_ABI_VERSION, 0, 0};
  ASSERT_OK(file_->Ioctl(VNPU_IOC_VERSION, &version));
  for (const uint32_t flag :
       {VNPU_SESSION_FENCES, VNPU_SESSION_ASKS_FOR_TIMES, VNPU_SESSION_SEQ_LAST}) {
    EXPECT_ERRNO(EINVAL, Try([&](auto* arg) { arg->flags = flag; })) << flag;
  }
  EXPECT_OK(Try([](auto*) {}));
}

TEST_P(SessionTest, FieldsOutOfRange) {
  EXPECT_ERRNO(EINVAL, Try([](auto* arg) { arg->window_base = 0; }));
  EXPECT_ERRNO(EINVAL, Try([](auto* arg) { arg->window_base += VNPU_PAGE_SIZE; }));
  EXPECT_ERRNO(EINVAL, Try([](auto* arg) { arg->window_base = uint64_t{1} << 47; }));
  EXPECT_ERRNO(EINVAL, Try([](auto* arg) { arg->window_base = ~uint64_t{0} << 30; }));
  EXPECT_ERRNO(EINVAL, Try([](auto* arg) { arg->flags = VNPU_SESSION_FLAGS_ALL + 1; }));
  EXPECT_ERRNO(EINVAL, Try([](auto* arg) { arg->flags = 1u << 31; }));
  EXPECT_ERRNO(EINVAL, Try([](auto* arg) { arg->reserved = 1; }));
  // Nothing of that has spoilt the file.
  EXPECT_OK(Try([](auto*) {}));
  EXPECT_ERRNO(EBUSY, Try([](auto*) {}));
}

TEST_P(SessionTest, BadDescriptors) {
  for (const int bad : {-1, INT_MIN, 9999, INT_MAX}) {
    EXPECT_ERRNO(EBADF, Try([=](auto* arg) { arg->mem_fd = bad; })) << bad;
    EXPECT_ERRNO(EBADF, Try([=](auto* arg) { arg->kick_fd = bad; })) << bad;
  }
  EXPECT_ERRNO(EBADF, Try([this](auto* arg) { arg->mem_fd = kick_.get(); }));
  EXPECT_ERRNO(EBADF, Try([this](auto* arg) { arg->kick_fd = mem_.get(); }));
  EXPECT_ERRNO(EBADF, Try([this](auto* arg) { arg->kick_fd = file_->fd(); }));
  const UniqueFd null_device(open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_ERRNO(EBADF, Try([&](auto* arg) { arg->mem_fd = null_device.get(); }));
  EXPECT_ERRNO(EBADF, Try([&](auto* arg) { arg->kick_fd = null_device.get(); }));
  EXPECT_OK(Try([](auto*) {}));
}

TEST_P(SessionTest, MemoryMustBeLargeAndSealed) {
  EXPECT_ERRNO(EBADF, TryWithMemory(MakeMemfd(VNPU_SESSION_MEM_BYTES, 0))) << "not sealed";
  EXPECT_ERRNO(EBADF, TryWithMemory(MakeMemfd(VNPU_SESSION_MEM_BYTES, F_SEAL_GROW)))
      << "sealed against growing alone";
  EXPECT_ERRNO(EBADF,
               TryWithMemory(MakeMemfd(VNPU_SESSION_MEM_BYTES, F_SEAL_SHRINK | F_SEAL_WRITE)))
      << "sealed against writing";
  EXPECT_ERRNO(EINVAL, TryWithMemory(MakeSealedMemfd(VNPU_SESSION_MEM_BYTES - 1)));
  EXPECT_ERRNO(EINVAL, TryWithMemory(MakeSealedMemfd(0)));
  const std::string path = "/proc/self/fd/" + std::to_string(mem_.get());
  const UniqueFd read_only(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_LT(TryWithMemory(read_only), 0);
  EXPECT_OK(TryWithMemory(MakeSealedMemfd(VNPU_SESSION_MEM_BYTES + 12345)));
}

TEST_P(SessionTest, ClientMayCloseItsNumbers) {
  Mapping memory = Mapping::Map(mem_.get(), VNPU_SESSION_MEM_BYTES);
  vnpu_ioc_session arg = Good();
  ASSERT_OK(file_->Ioctl(VNPU_IOC_SESSION, &arg));
  mem_.Reset();
  kick_.Reset();
  EXPECT_NE(arg.session_id, 0u);
  const auto* mem = reinterpret_cast<const vnpu_session_mem*>(memory.data());
  EXPECT_EQ(mem->state, VNPU_SESSION_RUNNING);
  EXPECT_EQ(mem->device_pid, arg.device_pid);
  EXPECT_EQ(vnpud().DeviceProcesses(), std::vector{static_cast<pid_t>(arg.device_pid)});
  // The end of the session is seen here as well.
  file_.reset();
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return *static_cast<const volatile uint32_t*>(&mem->state) == VNPU_SESSION_LOST;
  }));
}

TEST_P(SessionTest, ManySessionsOfOneProcess) {
  if (kOneWindow) {
    GTEST_SKIP() << "the thread checker leaves room for one window";
  }
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < 8; ++i) {
    sessions.push_back(std::make_unique<Session>(vnpud()));
    for (int k = 0; k < i; ++k) {
      EXPECT_NE(sessions[i]->id(), sessions[k]->id());
      EXPECT_NE(sessions[i]->device_pid(), sessions[k]->device_pid());
    }
  }
  for (const auto& session : sessions) {
    EXPECT_EQ(session->Run(session->CreateQueue(), Nop()), VNPU_OK);
  }
  EXPECT_EQ(Counters().sessions, 8u);
}

// The two ends of the user's address space: either answer is right, but never another error, and
// the file is still good.
TEST_P(SessionTest, WindowsThatTheDeviceProcessMayNotHave) {
  constexpr uint64_t kAligned = ~(VNPU_WINDOW_ALIGN - 1);
  const auto in_use = reinterpret_cast<uint64_t>(
      mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (const uint64_t base : {in_use & kAligned, uint64_t{(1ull << 47) - VNPU_WINDOW_SIZE},
                              AddressOf(&kPatience) & kAligned}) {
    const auto file = vnpud().Open("davinci0");
    vnpu_ioc_session arg = Good();
    arg.window_base = base;
    const int result = file->Ioctl(VNPU_IOC_SESSION, &arg);
    EXPECT_TRUE(result == 0 || result == -EADDRINUSE || result == -EINVAL)
        << std::hex << base << ": " << ErrorName(result);
    if (result != 0) {
      arg.window_base = Good().window_base;
      EXPECT_OK(file->Ioctl(VNPU_IOC_SESSION, &arg));
    }
  }
}

RAW_TEST_SUITE(SessionTest);

}  // namespace
}  // namespace vnpu::raw
