// Models through the driver interface: commands, runs, failures, and what dies in the middle.
#include "tests/uapi/support/model.h"

#include <signal.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/uapi/support/fixture.h"
#include "tests/uapi/support/module.h"
#include "tests/uapi/support/process.h"

namespace vnpu::raw {
namespace {

using test::Execute;
using test::ModelImage;

class ModelTest : public RawTest {};

int CreateModel(Session& session, const vnpu_ioc_model_create& wanted, uint32_t* id = nullptr) {
  vnpu_ioc_model_create arg = wanted;
  const int result = session.Ioctl(VNPU_IOC_MODEL_CREATE, &arg);
  if (id != nullptr) {
    *id = arg.model_id;
  }
  return result;
}

int DestroyModel(Session& session, uint32_t id, uint32_t flags = 0) {
  vnpu_ioc_model_destroy arg{id, flags};
  return session.Ioctl(VNPU_IOC_MODEL_DESTROY, &arg);
}

int AbortModel(Session& session, uint32_t id, uint32_t flags = 0) {
  vnpu_ioc_model_abort arg{id, flags};
  return session.Ioctl(VNPU_IOC_MODEL_ABORT, &arg);
}

vnpu_ioc_model_create Good(const UniqueFd& fd) {
  vnpu_ioc_model_create arg{};
  arg.size = 4 * kPage;
  arg.fd = fd.get();
  arg.max_streams = 4;
  arg.max_graphs = 2;
  arg.max_registers = 8;
  return arg;
}

// Commands ------------------------------------------------------------------------------------

TEST_P(ModelTest, FieldsOutOfRange) {
  Session session(vnpud());
  const UniqueFd fd = MakeSealedMemfd(4 * kPage);
  const auto with = [&](auto change) {
    vnpu_ioc_model_create arg = Good(fd);
    change(&arg);
    return CreateModel(session, arg);
  };
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, kPage + 1, 5 * kPage,
                              (uint64_t{1} << 30) + kPage, uint64_t{1} << 63}) {
    EXPECT_ERRNO(EINVAL, with([=](auto* a) { a->size = size; })) << std::hex << size;
  }
  EXPECT_ERRNO(EINVAL, with([](auto* a) { a->flags = 1; }));
  EXPECT_ERRNO(EINVAL, with([](auto* a) { a->max_streams = 0; }));
  EXPECT_ERRNO(EINVAL, with([](auto* a) { a->max_streams = VNPU_MAX_MODEL_STREAMS + 1; }));
  EXPECT_ERRNO(EINVAL, with([](auto* a) { a->max_graphs = 0; }));
  EXPECT_ERRNO(EINVAL, with([](auto* a) { a->max_graphs = VNPU_MAX_MODEL_GRAPHS + 1; }));
  EXPECT_ERRNO(EINVAL, with([](auto* a) { a->max_registers = VNPU_MAX_MODEL_REGISTERS + 1; }));
  for (const int bad : {-1, 1'000'000, STDERR_FILENO}) {
    EXPECT_ERRNO(EBADF, with([=](auto* a) { a->fd = bad; })) << bad;
  }
  const UniqueFd open = MakeMemfd(4 * kPage, 0);
  EXPECT_ERRNO(EBADF, with([&](auto* a) { a->fd = open.get(); })) << "not sealed";
  uint32_t id = 0;
  EXPECT_OK(CreateModel(session, Good(fd), &id));
  EXPECT_NE(id, 0u);
  EXPECT_ERRNO(EINVAL, AbortModel(session, id, 1));
  EXPECT_ERRNO(EINVAL, DestroyModel(session, id, 1));
  for (const uint32_t other : {0u, id + 1, UINT32_MAX}) {
    EXPECT_ERRNO(ENOENT, AbortModel(session, other));
    EXPECT_ERRNO(ENOENT, DestroyModel(session, other));
  }
  EXPECT_OK(AbortModel(session, id));
  EXPECT_OK(DestroyModel(session, id));
  EXPECT_ERRNO(ENOENT, DestroyModel(session, id));
}

TEST_P(ModelTest, ModelsOfOthersCannotBeUsed) {
  Session session(vnpud());
  Session other(vnpud());
  const RawModel model(&session, ModelImage());
  EXPECT_ERRNO(ENOENT, AbortModel(other, model.id()));
  EXPECT_ERRNO(ENOENT, DestroyModel(other, model.id()));
  EXPECT_EQ(other.Run(other.CreateQueue(), Execute(model.id())), VNPU_E_INVALID_SQE);
  EXPECT_EQ(session.Run(session.CreateQueue(), Execute(model.id())), VNPU_OK);
}

TEST_P(ModelTest, TheFeatureMustHaveBeenAskedFor) {
  auto file = vnpud().TryOpen("davinci0");
  vnpu_ioc_version version{VNPU_ABI_VERSION, 0, VNPU_FEATURES_ALL & ~VNPU_FEATURE_MODEL};
  ASSERT_OK(file->Ioctl(VNPU_IOC_VERSION, &version));
  Session session(std::move(file));
  const UniqueFd fd = MakeSealedMemfd(4 * kPage);
  EXPECT_ERRNO(EINVAL, CreateModel(session, Good(fd)));
}

TEST_P(ModelTest, ASessionHasLimits) {
  Session session(vnpud());
  const UniqueFd fd = MakeSealedMemfd(4 * kPage);
  vnpu_ioc_model_create arg = Good(fd);
  arg.max_streams = VNPU_MAX_MODEL_STREAMS;
  arg.max_graphs = VNPU_MAX_MODEL_GRAPHS;
  uint32_t id = 0;
  const uint32_t most = VNPU_MAX_SESSION_STREAMS / (arg.max_streams + arg.max_graphs);
  for (uint32_t i = 0; i < most; ++i) {
    ASSERT_OK(CreateModel(session, arg, &id));
  }
  EXPECT_ERRNO(ENOSPC, CreateModel(session, Good(fd)));
  EXPECT_OK(DestroyModel(session, id));
  EXPECT_OK(CreateModel(session, Good(fd)));
  arg = Good(fd);
  arg.max_registers = VNPU_MAX_MODEL_REGISTERS;
  for (uint32_t i = 0; i < VNPU_MAX_SESSION_REGISTERS / VNPU_MAX_MODEL_REGISTERS - 1; ++i) {
    ASSERT_OK(CreateModel(session, arg));
  }
  EXPECT_ERRNO(ENOSPC, CreateModel(session, arg));
}

TEST_P(ModelTest, MemoryOfModelsIsCounted) {
  Session session(vnpud());
  const vnpu_ioc_counters before = Counters();
  const RawModel model(&session);
  EXPECT_EQ(Counters().qmems, before.qmems + 1);
  EXPECT_OK(DestroyModel(session, model.id()));
  ExpectCounters(before, "after the model is gone");
}

// Runs ----------------------------------------------------------------------------------------

TEST_P(ModelTest, ManyKernelsManyTimes) {
  Session session(vnpud());
  const TestModule module(&session);
  const Buffer buffer = session.Allocate(kPage);
  const uint64_t args[] = {buffer.va, 1};
  ModelImage image;
  const uint32_t stream = image.AddStream();
  constexpr uint64_t kNodes = 1000;
  for (uint64_t i = 0; i < kNodes; ++i) {
    image.Add(stream, Kernel(module.Function("add_one"), 1, args));
  }
  const RawModel model(&session, image);
  const Queue queue = session.CreateQueue();
  constexpr uint64_t kRuns = 50;
  for (uint64_t i = 0; i < kRuns; ++i) {
    session.Publish(queue, Execute(model.id()));
  }
  ASSERT_TRUE(session.WaitHead(queue, kRuns));
  EXPECT_TRUE(queue.TakeCompletions().empty());
  EXPECT_EQ(model.Completed(), kRuns);
  uint64_t value = 0;
  ASSERT_TRUE(session.Load(&value, buffer.va, sizeof(value)));
  EXPECT_EQ(value, kNodes * kRuns);
}

TEST_P(ModelTest, StreamsTakeTurnsByRegisters) {
  Session session(vnpud());
  const TestModule module(&session);
  const Buffer buffer = session.Allocate(kPage);
  const uint64_t args[] = {buffer.va, 1};
  constexpr uint32_t kNodes = 400;
  ModelImage image(kNodes);
  const uint32_t streams[] = {image.AddStream(), image.AddStream()};
  for (uint32_t i = 0; i < kNodes; ++i) {
    if (i > 0) {
      image.Add(streams[i % 2], test::AwaitRegister(i - 1));
    }
    image.Add(streams[i % 2], Kernel(module.Function("add_one"), 1, args));
    image.Add(streams[i % 2], test::SetRegister(i));
  }
  const RawModel model(&session, image);
  const Queue queue = session.CreateQueue();
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(session.Run(queue, Execute(model.id())), VNPU_OK);
  }
  uint64_t value = 0;
  ASSERT_TRUE(session.Load(&value, buffer.va, sizeof(value)));
  EXPECT_EQ(value, 20u * kNodes) << "no two at the same time";
}

TEST_P(ModelTest, ALoopRunsOnTheDevice) {
  Session session(vnpud());
  const TestModule module(&session);
  const Buffer buffer = session.Allocate(kPage);
  const uint64_t args[] = {buffer.va, buffer.va + 8};
  ModelImage image;
  image.AddStream({test::StoreWord(buffer.va, 1000),
                   test::Condition(VNPU_MODEL_WHILE, buffer.va, 1),
                   Copy(buffer.va + 16, buffer.va + 8, 8)});
  image.AddGraph();
  image.AddStream({Kernel(module.Function("count_down"), 1, args)});
  const RawModel model(&session, image);
  const Queue queue = session.CreateQueue();
  for (uint64_t run = 1; run <= 3; ++run) {
    ASSERT_EQ(session.Run(queue, Execute(model.id())), VNPU_OK);
    uint64_t seen[3] = {};
    ASSERT_TRUE(session.Load(seen, buffer.va, sizeof(seen)));
    EXPECT_EQ(seen[0], 0u);
    EXPECT_EQ(seen[1], 1000 * run);
    EXPECT_EQ(seen[2], 1000 * run);
  }
}

TEST_P(ModelTest, WordsAreReadThroughThePageTable) {
  Session session(vnpud());
  const Buffer buffer = session.Allocate(kPage);
  const Queue queue = session.CreateQueue();
  vnpu_ioc_protect protect{buffer.va, kPage, VNPU_PROT_READ, 0};
  ASSERT_OK(session.Ioctl(VNPU_IOC_PROTECT, &protect));
  const uint64_t nowhere = buffer.va + (uint64_t{1} << 30);
  for (const vnpu_sqe& sqe : {test::StoreWord(buffer.va, 1), test::StoreWord(nowhere, 1),
                              test::Goto(nowhere, 0, 1), test::Condition(VNPU_MODEL_IF, nowhere, 1),
                              test::Switch(buffer.va, VNPU_MODEL_EQUAL, nowhere, 0)}) {
    ModelImage image;
    image.AddStream({sqe});
    image.AddGraph();
    image.AddStream();
    image.AddLabel(0, 1);
    const RawModel model(&session, image);
    EXPECT_EQ(session.Run(queue, Execute(model.id())), VNPU_E_DMA_ADDRESS);
    EXPECT_OK(DestroyModel(session, model.id()));
  }
}

TEST_P(ModelTest, AnExecutionBringsArgumentsAlong) {
  Session session(vnpud());
  const TestModule module(&session);
  const Buffer buffer = session.Allocate(kPage);
  vnpu_sqe fill = Kernel(module.Function("fill"), 1, {});
  fill.flags = 0;
  fill.kernel.arg_size = 24;
  ModelImage image;
  image.AddStream({fill});
  image.SetArgs({buffer.va, 1, 1});
  const RawModel model(&session, image);
  const Queue queue = session.CreateQueue({.arg_bytes = VNPU_PAGE_SIZE});
  auto* args = reinterpret_cast<uint64_t*>(queue.args());
  for (uint64_t value = 100; value < 120; ++value) {
    args[value - 100] = value;
    vnpu_sqe execute = Execute(model.id());
    execute.execute.update_bytes = 8;
    execute.execute.update_offset = image.ArgsOffset() + 8;
    execute.execute.arg_offset = static_cast<uint32_t>(8 * (value - 100));
    ASSERT_EQ(session.Run(queue, execute), VNPU_OK);
    uint64_t seen = 0;
    ASSERT_TRUE(session.Load(&seen, buffer.va, sizeof(seen)));
    EXPECT_EQ(seen, value);
  }
}

TEST_P(ModelTest, QueuesThatTheDriverSubmitsToExecuteThem) {
  Session session(vnpud());
  const RawModel model(&session, ModelImage());
  const Queue queue = session.CreateQueue({.flags = VNPU_QUEUE_DRIVER_SUBMIT});
  vnpu_sqe sqe = Execute(model.id());
  sqe.queue_id = queue.id;
  ASSERT_EQ(session.file().Write(&sqe, sizeof(sqe)), sizeof(sqe));
  ASSERT_TRUE(session.WaitHead(queue, 1));
  EXPECT_EQ(model.Completed(), 1u);
}

// Failures ------------------------------------------------------------------------------------

TEST_P(ModelTest, AFaultEndsTheRunAndTheNextOneWorks) {
  Session session(vnpud());
  const TestModule module(&session);
  const Buffer buffer = session.Allocate(kPage);
  const auto divide = [&](uint64_t by) {
    const uint64_t args[] = {buffer.va, 6, by};
    return Kernel(module.Function("divide"), 1, args);
  };
  const auto image = [&](uint64_t by) {
    ModelImage made(1);
    made.AddStream({Nop(), divide(by), test::SetRegister(0)});
    made.AddStream({test::AwaitRegister(0), Memset(buffer.va + 8, 8, 1)});
    return made;
  };
  const RawModel model(&session, image(0));
  const Queue queue = session.CreateQueue();
  EXPECT_EQ(session.Run(queue, Execute(model.id())), VNPU_E_DIVIDE);
  const vnpu_exception& record = session.mem().exceptions[0];
  EXPECT_EQ(record.status, VNPU_E_DIVIDE);
  EXPECT_EQ(record.queue_id, queue.id);
  EXPECT_EQ(record.task, 0u);
  EXPECT_EQ(record.model_id, model.id());
  EXPECT_EQ(record.stream, 0u);
  EXPECT_EQ(record.position, 1u);
  image(3).Write(model.memory());
  EXPECT_EQ(session.Run(queue, Execute(model.id())), VNPU_OK);
  uint64_t value = 0;
  ASSERT_TRUE(session.Load(&value, buffer.va, sizeof(value)));
  EXPECT_EQ(value, 2u);
}

// A model of two kernels that never end, one in each stream.
RawModel Endless(Session& session, const TestModule& module, uint64_t flag) {
  const std::vector args{flag};
  ModelImage image;
  image.AddStream({Kernel(module.Function("spin"), 1, args)});
  image.AddStream({Kernel(module.Function("spin"), 1, args)});
  return RawModel(&session, image);
}

TEST_P(ModelTest, AbortStopsWhatRunsAndWhatWaits) {
  Session session(vnpud());
  const TestModule module(&session);
  const Buffer buffer = session.Allocate(kPage);
  const RawModel model = Endless(session, module, buffer.va);
  const Queue first = session.CreateQueue();
  const Queue second = session.CreateQueue();
  session.Publish(first, Execute(model.id()));
  ASSERT_TRUE(Eventually(kPatience, [&] { return Counters().units[0] == 2; }));
  EXPECT_ERRNO(EBUSY, DestroyModel(session, model.id()));
  session.Publish(second, Execute(model.id()));
  ASSERT_EQ(session.Run(session.CreateQueue(), Nop()), VNPU_OK);
  ASSERT_TRUE(Eventually(kPatience, [&] {
    EXPECT_OK(AbortModel(session, model.id()));
    return first.Head() == 1 && second.Head() == 1;
  }));
  for (const Queue* queue : {&first, &second}) {
    const std::vector<vnpu_cqe> cqes = queue->TakeCompletions();
    ASSERT_EQ(cqes.size(), 1u);
    EXPECT_EQ(cqes[0].status, VNPU_E_ABORTED);
  }
  EXPECT_OK(DestroyModel(session, model.id()));
  EXPECT_EQ(model.Completed(), 2u);
}

TEST_P(ModelTest, TimeLimitsStopARun) {
  Session session(vnpud());
  const TestModule module(&session);
  const Buffer buffer = session.Allocate(kPage);
  const RawModel model = Endless(session, module, buffer.va);
  vnpu_sqe execute = Execute(model.id());
  execute.timeout_us = 2000;
  EXPECT_EQ(session.Run(session.CreateQueue(), execute), VNPU_E_TIMEOUT);
}

TEST_P(ModelTest, TimeLimitsStopALoopThatNeedsNoUnit) {
  Session session(vnpud());
  const Buffer buffer = session.Allocate(kPage);
  ModelImage image;
  image.AddStream({test::StoreWord(buffer.va, 1), test::Condition(VNPU_MODEL_WHILE, buffer.va, 1)});
  image.AddGraph();
  image.AddStream();
  const RawModel model(&session, image);
  vnpu_sqe execute = Execute(model.id());
  execute.timeout_us = 20'000;
  const Queue queue = session.CreateQueue();
  const uint64_t task = session.Publish(queue, execute);
  // Others have their turn meanwhile.
  EXPECT_EQ(session.Run(session.CreateQueue(), Memset(buffer.va + 8, 8, 1)), VNPU_OK);
  ASSERT_TRUE(session.WaitHead(queue, task + 1));
  EXPECT_EQ(queue.TakeCompletions().at(0).status, VNPU_E_TIMEOUT);
}

TEST_P(ModelTest, ARunThatCannotGoOnIsEnded) {
  Session session(vnpud());
  ModelImage image(1);
  image.AddStream({test::AwaitRegister(0)});
  const RawModel model(&session, image);
  EXPECT_EQ(session.Run(session.CreateQueue(), Execute(model.id())), VNPU_E_STUCK);
}

TEST_P(ModelTest, AbortingOrDestroyingTheQueueEndsItsRun) {
  Session session(vnpud());
  const TestModule module(&session);
  const Buffer buffer = session.Allocate(kPage);
  const RawModel model = Endless(session, module, buffer.va);
  const Queue queue = session.CreateQueue();
  const uint64_t task = session.Publish(queue, Execute(model.id()));
  ASSERT_TRUE(Eventually(kPatience, [&] { return Counters().units[0] == 2; }));
  vnpu_ioc_queue_abort abort{queue.id, 0, 0, 0};
  EXPECT_OK(session.Ioctl(VNPU_IOC_QUEUE_ABORT, &abort));
  ASSERT_TRUE(session.WaitHead(queue, task + 1));
  session.Publish(queue, Execute(model.id()));
  ASSERT_TRUE(Eventually(kPatience, [&] { return Counters().units[0] == 2; }));
  vnpu_ioc_queue_destroy destroy{queue.id, 0};
  EXPECT_ERRNO(EBUSY, session.Ioctl(VNPU_IOC_QUEUE_DESTROY, &destroy));
  session.DestroyQueue(queue, VNPU_DESTROY_FORCE);
  EXPECT_EQ(Counters().units[0], 0u) << "nothing of it runs any more";
  EXPECT_OK(DestroyModel(session, model.id()));
}

// What dies in the middle -----------------------------------------------------------------------

TEST_P(ModelTest, AClientThatIsKilledLeavesNothing) {
  for (const bool endless : {false, true}) {
    const Notice runs;
    Child child([&] {
      Session session(vnpud());
      const TestModule module(&session);
      const Buffer buffer = session.Allocate(kPage);
      const uint64_t args[] = {buffer.va, 1};
      ModelImage image;
      image.AddStream({Kernel(module.Function("add_one"), 1, args)});
      const RawModel model =
          endless ? Endless(session, module, buffer.va) : RawModel(&session, image);
      const Queue queue = session.CreateQueue();
      for (uint64_t i = 0;; ++i) {
        session.Publish(queue, Execute(model.id()));
        if (i == 20) {
          runs.Give();
        }
      }
      return 0;
    });
    ASSERT_TRUE(runs.Wait());
    child.Kill();
    EXPECT_EQ(child.Wait(), -SIGKILL);
    ExpectNothingLeft();
  }
}

TEST_P(ModelTest, ADeviceProcessThatIsKilledLosesItsSession) {
  Session session(vnpud());
  const TestModule module(&session);
  const Buffer buffer = session.Allocate(kPage);
  const RawModel model = Endless(session, module, buffer.va);
  const Queue queue = session.CreateQueue();
  session.Publish(queue, Execute(model.id()));
  ASSERT_TRUE(Eventually(kPatience, [&] { return Counters().units[0] == 2; }));
  ASSERT_EQ(kill(session.device_pid(), SIGKILL), 0);
  EXPECT_TRUE(Eventually(kPatience, [&] { return session.Lost(); }));
  EXPECT_FALSE(session.WaitHead(queue, 1));
  EXPECT_ERRNO(EIO, DestroyModel(session, model.id()));
  EXPECT_ERRNO(EIO, AbortModel(session, model.id()));
  Session next(vnpud());
  EXPECT_EQ(next.Run(next.CreateQueue(), Nop()), VNPU_OK);
}

// Another thread writes all over the image while it runs.
TEST_P(ModelTest, ChangesDuringTheRunDoNoHarm) {
  Session session(vnpud());
  const TestModule module(&session);
  const Buffer buffer = session.Allocate(kPage);
  const uint64_t args[] = {buffer.va, 1};
  ModelImage image(4);
  image.AddStream({test::SetRegister(0), Kernel(module.Function("add_one"), 1, args),
                   test::AwaitRegister(1), Memset(buffer.va, 8, 0)});
  image.AddStream({test::AwaitRegister(0), Kernel(module.Function("add_one"), 3, args),
                   test::SetRegister(1), test::Condition(VNPU_MODEL_IF, buffer.va, 1)});
  image.AddGraph(1);
  image.AddStream({test::SetRegister(0), test::AwaitRegister(0), Nop()});
  const RawModel model(&session, image);
  const Queue queue = session.CreateQueue();
  std::atomic<bool> stop{false};
  std::thread vandal([&] {
    uint64_t state = 1;
    auto* words = reinterpret_cast<uint64_t*>(model.memory());
    while (!stop.load()) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const uint64_t word = (state >> 33) % (image.bytes() / 8);
      std::atomic_ref(words[word]).fetch_xor(uint64_t{1} << (state >> 20) % 64);
      if (state % 256 == 0) {
        image.Write(model.memory());
      }
    }
  });
  vnpu_sqe execute = Execute(model.id());
  execute.timeout_us = 1000;
  const uint64_t runs = 20'000 / static_cast<uint64_t>(TimeScale());
  for (uint64_t i = 0; i < runs; ++i) {
    session.Publish(queue, execute);
  }
  EXPECT_TRUE(session.WaitHead(queue, runs));
  stop.store(true);
  vandal.join();
  EXPECT_EQ(session.State(), VNPU_SESSION_RUNNING);
  image.Write(model.memory());
  EXPECT_EQ(session.Run(session.CreateQueue(), Execute(model.id())), VNPU_OK);
}

RAW_TEST_SUITE(ModelTest);

}  // namespace
}  // namespace vnpu::raw
