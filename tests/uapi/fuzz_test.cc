// Random bytes at everything a client can reach: commands, writes, ring entries, queue headers,
// session memory. The driver answers with an errno and lives, device processes live, and a session
// beside them computes right results all the time.
//
// VNPU_FUZZ_SCALE multiplies the number of rounds; VNPU_FUZZ_SEED is the seed.
#include <fcntl.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

#include "tests/uapi/support/commands.h"
#include "tests/uapi/support/fixture.h"
#include "tests/uapi/support/model.h"
#include "tests/uapi/support/module.h"

namespace vnpu::raw {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t value) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : value;
}

uint64_t Rounds(uint64_t base) {
  return base * FromEnvironment("VNPU_FUZZ_SCALE", 1) / static_cast<uint64_t>(TimeScale());
}

// Numbers that are often nearly right.
class Dice {
 public:
  Dice() : random_(FromEnvironment("VNPU_FUZZ_SEED", 2024)) {}

  uint64_t Below(uint64_t limit) { return random_() % limit; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  uint64_t Word() {
    switch (Below(8)) {
      case 0:
        return 0;
      case 1:
        return Below(16);
      case 2:
        return window_ + Below(64) * VNPU_PAGE_SIZE;
      case 3:
        return Below(64) * VNPU_PAGE_SIZE;
      case 4:
        return uint64_t{1} << Below(64);
      case 5:
        return ~uint64_t{0} - Below(5000);
      case 6:
        return Below(VNPU_MAX_EVENTS);
      default:
        return random_();
    }
  }
  void Fill(void* data, size_t size) {
    auto* bytes = static_cast<std::byte*>(data);
    for (size_t at = 0; at < size;) {
      const uint64_t word = Word();
      const size_t width = std::min<size_t>(size - at, OneIn(2) ? 4 : 8);
      std::memcpy(bytes + at, &word, width);
      at += width;
    }
  }
  void set_window(uint64_t window) { window_ = window; }

 private:
  std::mt19937_64 random_;
  uint64_t window_ = 0;
};

// A session that computes all the time in a thread of its own.
class Innocent {
 public:
  explicit Innocent(const Vnpud& vnpud)
      : session_(vnpud),
        module_(&session_),
        queue_(session_.CreateQueue()),
        buffer_(session_.Allocate(VNPU_PAGE_SIZE)) {
    Round();
    thread_ = std::thread([this] {
      while (!stop_.load()) {
        Round();
      }
    });
  }
  // True when all that it has computed was right.
  bool Finish() {
    stop_.store(true);
    thread_.join();
    return right_;
  }

 private:
  void Round() {
    constexpr uint64_t kCount = VNPU_PAGE_SIZE / 8;
    const uint64_t fill_args[] = {buffer_.va, rounds_, kCount};
    const uint64_t add_args[] = {buffer_.va, kCount};
    session_.Publish(queue_, Kernel(module_.Function("fill"), 4, fill_args));
    const uint32_t status = session_.Run(queue_, Kernel(module_.Function("add_one"), 4, add_args));
    std::vector<uint64_t> seen(kCount);
    right_ = right_ && status == VNPU_OK && session_.Load(seen.data(), buffer_.va, kCount * 8);
    for (uint64_t i = 0; i < kCount; ++i) {
      right_ = right_ && seen[i] == rounds_ + i + 1;
    }
    ++rounds_;
  }

  Session session_;
  TestModule module_;
  Queue queue_;
  Buffer buffer_;
  std::atomic<bool> stop_{false};
  bool right_ = true;
  uint64_t rounds_ = 0;
  std::thread thread_;
};

class FuzzTest : public RawTest {
 protected:
  std::vector<std::string> Options() const override { return {"--hbm-size", "64M"}; }

  void SetUp() override {
    RawTest::SetUp();
    if (!IsSkipped()) {
      innocent_ = std::make_unique<Innocent>(vnpud());
    }
  }
  void TearDown() override {
    if (innocent_ != nullptr) {
      EXPECT_TRUE(vnpud().Running());
      EXPECT_TRUE(innocent_->Finish());
      innocent_.reset();
    }
    RawTest::TearDown();
  }

  Dice dice_;

 private:
  std::unique_ptr<Innocent> innocent_;
};

// A descriptor of the client, now and then the right one.
int SomeFd(Dice* dice, const std::vector<int>& good) {
  return dice->OneIn(3) ? static_cast<int>(dice->Word()) : good[dice->Below(good.size())];
}

TEST_P(FuzzTest, Commands) {
  const UniqueFd memory = MakeSealedMemfd(1u << 20);
  const UniqueFd image = MakeImageFd(TestImage().data(), TestImage().size());
  const UniqueFd event = MakeEventfd();
  const std::vector<int> fds = {memory.get(), image.get(), event.get()};
  auto session = std::make_unique<Session>(vnpud());
  dice_.set_window(session->window());
  alignas(8) std::byte argument[4096];
  const uint64_t rounds = Rounds(60'000);
  for (uint64_t round = 0; round < rounds; ++round) {
    const Command& command = kCommands[dice_.Below(std::size(kCommands))];
    unsigned long number = command.number;
    if (dice_.OneIn(20)) {
      number = _IOC(dice_.Below(4), VNPU_IOC_MAGIC, dice_.Below(256), dice_.Below(4096));
    }
    if (number == VNPU_IOC_RESET || number == VNPU_IOC_FAULT) {
      continue;  // would be done as asked for
    }
    dice_.Fill(argument, sizeof(argument));
    int offsets[2];
    vnpu_ioctl_fds(number, offsets);
    for (const int offset : offsets) {
      if (offset >= 0) {
        const int fd = SomeFd(&dice_, fds);
        std::memcpy(argument + offset, &fd, sizeof(fd));
      }
    }
    const int result =
        command.on_device ? session->Ioctl(number, argument) : manager().Ioctl(number, argument);
    ASSERT_LE(result, 0) << command.name;
    ASSERT_GT(result, -200) << command.name;
    ASSERT_NE(result, -EFAULT) << command.name;
    if (session->State() == VNPU_SESSION_LOST) {
      ADD_FAILURE() << "round " << round << ": " << command.name << " has cost the device process";
      session = std::make_unique<Session>(vnpud());
    }
  }
}

TEST_P(FuzzTest, Writes) {
  Session session(vnpud().Open("davinci0", O_RDWR | O_NONBLOCK));
  const Buffer buffer = session.Allocate(16 * VNPU_PAGE_SIZE);
  dice_.set_window(buffer.va);
  std::vector<uint32_t> queues;
  for (int i = 0; i < 4; ++i) {
    queues.push_back(session.CreateQueue({.flags = VNPU_QUEUE_DRIVER_SUBMIT}).id);
  }
  std::vector<vnpu_sqe> sqes(32);
  std::vector<vnpu_cqe> cqes(64);
  const uint64_t rounds = Rounds(20'000);
  for (uint64_t round = 0; round < rounds; ++round) {
    dice_.Fill(sqes.data(), sqes.size() * sizeof(vnpu_sqe));
    for (vnpu_sqe& sqe : sqes) {
      sqe.opcode = static_cast<uint8_t>(dice_.Below(VNPU_OP_COUNT + 1));
      sqe.flags &= VNPU_SQE_FLAGS_ALL;
      sqe.timeout_us = 1000;
      if (!dice_.OneIn(500)) {
        sqe.queue_id = queues[dice_.Below(queues.size())];
      }
    }
    const size_t bytes = dice_.OneIn(10) ? dice_.Below(2000) : (1 + dice_.Below(32)) * 64;
    const ssize_t written = session.file().Write(sqes.data(), bytes);
    ASSERT_TRUE(written >= 0 || written == -EINVAL || written == -EAGAIN)
        << ErrorName(static_cast<int>(written));
    const ssize_t got = session.file().Read(cqes.data(), dice_.Below(cqes.size() * 32));
    ASSERT_TRUE(got >= 0 || got == -EINVAL || got == -EAGAIN) << ErrorName(static_cast<int>(got));
  }
  EXPECT_EQ(session.State(), VNPU_SESSION_RUNNING);
  EXPECT_EQ(session.Run(session.CreateQueue(), Nop()), VNPU_OK);
}

// A million entries of noise; what is an entry by accident is carried out.
TEST_P(FuzzTest, RingEntries) {
  Session session(vnpud());
  const TestModule module(&session);
  const Queue queue = session.CreateQueue({.entries = 1024, .arg_bytes = VNPU_PAGE_SIZE});
  const Buffer buffer = session.Allocate(16 * VNPU_PAGE_SIZE);
  dice_.set_window(buffer.va);
  const uint64_t tasks = Rounds(1'000'000);
  for (uint64_t task = 0; task < tasks; ++task) {
    vnpu_sqe sqe{};
    dice_.Fill(&sqe, dice_.OneIn(4) ? sizeof(sqe) : 16 + dice_.Below(48));
    sqe.opcode = dice_.OneIn(50) ? sqe.opcode : static_cast<uint8_t>(dice_.Below(VNPU_OP_COUNT));
    sqe.flags &= VNPU_SQE_FLAGS_ALL;
    sqe.core_limit = static_cast<uint16_t>(sqe.opcode == VNPU_OP_KERNEL ? dice_.Below(4) : 0);
    // Kernels that run for ever and events that never come would end the test's patience.
    sqe.timeout_us = 200;
    session.Publish(queue, sqe);
  }
  EXPECT_TRUE(session.WaitHead(queue, tasks));
  EXPECT_EQ(session.State(), VNPU_SESSION_RUNNING);
  EXPECT_EQ(session.Run(session.CreateQueue(), Nop()), VNPU_OK);
}

// Noise in the image of a model, before and during its runs.
TEST_P(FuzzTest, ModelImages) {
  Session session(vnpud());
  const TestModule module(&session);
  const Buffer buffer = session.Allocate(16 * VNPU_PAGE_SIZE);
  dice_.set_window(buffer.va);
  const RawModel model(&session);
  const Queue queue = session.CreateQueue({.entries = 256, .arg_bytes = VNPU_PAGE_SIZE});
  test::ModelImage image(2);
  const uint64_t args[] = {buffer.va, 1};
  image.AddStream({Kernel(module.Function("add_one"), 2, args), test::SetRegister(0),
                   test::Condition(VNPU_MODEL_WHILE, buffer.va, 1), Memset(buffer.va, 8, 0)});
  image.AddStream({test::AwaitRegister(0), Copy(buffer.va + 64, buffer.va, 8),
                   test::Goto(buffer.va + 8, 0, 2), Nop()});
  image.AddStream({test::Switch(buffer.va, VNPU_MODEL_EQUAL, buffer.va + 8, 0), Nop()}, 0);
  image.AddGraph(1);
  image.AddStream({Kernel(module.Function("add_one"), 1, args), test::SetRegister(0)});
  image.AddStream({test::AwaitRegister(0), test::StoreWord(buffer.va, 0)});
  image.AddLabel(1, 3);
  image.AddLabel(2, 0);
  image.SetArgs({1, 2, 3, 4});
  const uint64_t rounds = Rounds(100'000);
  for (uint64_t round = 0; round < rounds; ++round) {
    if (dice_.OneIn(2)) {
      image.Write(model.memory());
    }
    for (uint64_t changes = 1 + dice_.Below(3); changes > 0; --changes) {
      dice_.Fill(model.memory() + dice_.Below(image.bytes() / 8) * 8, 8);
    }
    vnpu_sqe execute = test::Execute(model.id());
    execute.timeout_us = 200;
    session.Publish(queue, execute);
    if (dice_.OneIn(8)) {
      vnpu_sqe update = test::Update(model.id(), dice_.Below(image.bytes() / 8) * 8, 64);
      dice_.Fill(queue.args(), 64);
      session.Publish(queue, update);
    }
  }
  const uint64_t tail = std::atomic_ref(queue.header().sq_tail).load();
  EXPECT_TRUE(session.WaitHead(queue, tail));
  EXPECT_EQ(session.State(), VNPU_SESSION_RUNNING);
  image.Write(model.memory());
  const uint64_t zeros[16] = {};
  ASSERT_TRUE(session.Store(buffer.va, zeros, sizeof(zeros)));
  EXPECT_EQ(session.Run(session.CreateQueue(), test::Execute(model.id())), VNPU_OK);
}

// Noise in the headers of queues and in all of session memory, with doorbells and kicks. Queues may
// die of it; the device process does not.
TEST_P(FuzzTest, SharedMemory) {
  Session session(vnpud());
  std::vector<Queue> queues;
  for (int i = 0; i < 8; ++i) {
    queues.push_back(
        session.CreateQueue({.entries = 16, .flags = i % 2 == 0 ? 0u : VNPU_QUEUE_DRIVER_SUBMIT}));
  }
  const uint64_t rounds = Rounds(20'000);
  for (uint64_t round = 0; round < rounds; ++round) {
    Queue& queue = queues[dice_.Below(queues.size())];
    if (dice_.OneIn(3)) {
      dice_.Fill(queue.memory.data() + dice_.Below(320), dice_.Below(64));
    } else {
      std::atomic_ref(queue.header().sq_tail).fetch_add(dice_.Below(20));
      dice_.Fill(queue.sq(), 16 * sizeof(vnpu_sqe));
      for (int i = 0; i < 16; ++i) {
        queue.sq()[i].timeout_us = 100;
      }
    }
    const size_t at = 64 + dice_.Below(VNPU_SESSION_MEM_BYTES - 128);
    dice_.Fill(reinterpret_cast<std::byte*>(&session.mem()) + at, dice_.Below(64));
    std::atomic_ref(session.mem().doorbell[0]).fetch_or(dice_.Word());
    std::atomic_ref(session.mem().doorbell_summary).fetch_or(dice_.Word() | 1);
    const uint64_t one = 1;
    ASSERT_EQ(write(session.kick_fd(), &one, sizeof(one)), 8);
    if (dice_.OneIn(50)) {
      session.DestroyQueue(queue, VNPU_DESTROY_FORCE);
      queue = session.CreateQueue(
          {.entries = 16, .flags = dice_.OneIn(2) ? 0u : VNPU_QUEUE_DRIVER_SUBMIT});
    }
    ASSERT_EQ(session.State(), VNPU_SESSION_RUNNING) << "round " << round;
  }
}

// The embedded transport's own messages: kinds, lengths and results of nonsense.
class FuzzMessageTest : public DriverTest {};

TEST_F(FuzzMessageTest, Messages) {
  StartDriver(Transport::kEmbedded);
  Dice dice;
  const uint64_t rounds = Rounds(20'000);
  auto file = vnpud().Open("davinci0");
  std::vector<std::byte> message(2048);
  for (uint64_t round = 0; round < rounds; ++round) {
    dice.Fill(message.data(), message.size());
    const uint32_t kind = static_cast<uint32_t>(dice.Below(7));
    std::memcpy(message.data(), &kind, sizeof(kind));
    size_t size = dice.Below(message.size());
    if (dice.OneIn(2) && size >= 16) {
      const auto length = static_cast<uint32_t>(size - 16);
      std::memcpy(message.data() + 12, &length, sizeof(length));
    }
    if (send(file->fd(), message.data(), size, MSG_NOSIGNAL) < 0 ||
        recv(file->fd(), message.data(), message.size(), 0) <= 0) {
      // A client that breaks the protocol may lose its file, but nothing else.
      file = vnpud().Open("davinci0");
    }
  }
  Session session(vnpud());
  EXPECT_EQ(session.Run(session.CreateQueue(), Nop()), VNPU_OK);
}

RAW_TEST_SUITE(FuzzTest);

}  // namespace
}  // namespace vnpu::raw
