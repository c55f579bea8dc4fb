// Control messages: order, checks, and what the device process does with nonsense.
#include <sys/wait.h>

#include <cstring>
#include <random>

#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

using firmware::ControlOp;
using firmware::ControlRequest;

ControlRequest Make(ControlOp op) {
  ControlRequest request;
  std::memset(static_cast<void*>(&request), 0, sizeof(request));
  request.op = op;
  return request;
}

TEST(Control, NothingWorksBeforeInit) {
  DeviceClient device;
  EXPECT_EQ(device.Result(Make(ControlOp::kUnmap)), -ENXIO);
  EXPECT_EQ(device.Result(Make(ControlOp::kQueueCreate)), -ENXIO);
  EXPECT_EQ(device.Result(Make(ControlOp::kModuleUnload)), -ENXIO);
  EXPECT_EQ(device.Init(), 0);
}

TEST(Control, RepliesRepeatTheNumberOfTheRequest) {
  DeviceClient device;
  ASSERT_EQ(device.Init(), 0);
  for (const uint32_t number : {1U, 77U, UINT32_MAX}) {
    ControlRequest request = Make(ControlOp::kUnmap);
    request.number = number;
    const auto reply = device.Call(request);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->number, number);
  }
}

TEST(Control, InitOnceOnly) {
  DeviceClient device;
  ASSERT_EQ(device.Init(), 0);
  EXPECT_EQ(device.Init(), -EBUSY);
}

TEST(Control, InitThatIsRefusedCanBeTriedAgain) {
  DeviceClient device;
  ControlRequest request = device.InitRequest();
  request.init.clock_hz = 0;
  EXPECT_EQ(device.Result(request, device.InitFds()), -EINVAL);
  request = device.InitRequest();
  // Where the process has its stack and libraries.
  request.init.window_base = 0x7eff'fe00'0000;
  EXPECT_EQ(device.Result(request, device.InitFds()), -EADDRINUSE);
  EXPECT_EQ(device.Init(), 0);
}

TEST(Control, InitWithABoardSlotThatIsNotThere) {
  DeviceClient device;
  ControlRequest request = device.InitRequest();
  request.init.board_slot = firmware::kBoardSlots;
  EXPECT_EQ(device.Result(request, device.InitFds()), -EINVAL);
}

TEST(Control, InitWithMemoryThatIsTooSmall) {
  DeviceClient device;
  const SharedMemory small(VNPU_PAGE_SIZE);
  std::vector<int> fds = device.InitFds();
  fds[0] = small.fd();
  EXPECT_LT(device.Result(device.InitRequest(), fds), 0);
  EXPECT_EQ(device.Result(Make(ControlOp::kUnmap)), -ENXIO) << "it is alive";
}

TEST(Control, MessagesOfAnySizeAreAnswered) {
  DeviceClient device;
  ASSERT_EQ(device.Init(), 0);
  std::vector<unsigned char> bytes(4 * sizeof(ControlRequest));
  std::mt19937 random(3);
  for (unsigned char& byte : bytes) {
    byte = static_cast<unsigned char>(random());
  }
  for (const size_t size : {size_t{1}, size_t{4}, size_t{100}, sizeof(ControlRequest) - 1,
                            sizeof(ControlRequest), sizeof(ControlRequest) + 1, bytes.size()}) {
    EXPECT_LT(device.SendRaw(bytes.data(), size), 0) << size;
    EXPECT_NE(device.SendRaw(bytes.data(), size), -EPIPE) << size;
  }
}

TEST(Control, UnknownCommands) {
  DeviceClient device;
  ASSERT_EQ(device.Init(), 0);
  for (const uint32_t op : {static_cast<uint32_t>(ControlOp::kCount), 0x7fff'ffffu, UINT32_MAX}) {
    EXPECT_EQ(device.Result(Make(static_cast<ControlOp>(op))), -EINVAL);
  }
}

TEST(Control, WrongNumberOfDescriptors) {
  DeviceClient device;
  EXPECT_EQ(device.Result(device.InitRequest()), -EINVAL);
  std::vector<int> fds = device.InitFds();
  fds.pop_back();
  EXPECT_EQ(device.Result(device.InitRequest(), fds), -EINVAL);
  ASSERT_EQ(device.Init(), 0);
  const EventFd event;
  EXPECT_EQ(device.Result(Make(ControlOp::kMap)), -EINVAL);
  EXPECT_EQ(device.Result(Make(ControlOp::kUnmap), {event.fd()}), -EINVAL);
  EXPECT_EQ(device.Result(Make(ControlOp::kUnmap), std::vector<int>(60, event.fd())), -EINVAL);
}

// Random messages with a command that exists. Those that would be carried out are right by
// accident; the process has to live on, whatever they say.
TEST(Control, RandomRequests) {
  DeviceClient device;
  ASSERT_EQ(device.Init(), 0);
  const SharedMemory memory(1 << 20);
  std::mt19937_64 random(17);
  for (int i = 0; i < 5'000; ++i) {
    ControlRequest request;
    auto* words = reinterpret_cast<uint32_t*>(&request);
    for (size_t word = 0; word < sizeof(request) / sizeof(uint32_t); ++word) {
      words[word] = random() % 3 == 0 ? static_cast<uint32_t>(random() % 70) : 0;
      if (random() % 8 == 0) {
        words[word] = static_cast<uint32_t>(random());
      }
    }
    request.op = static_cast<ControlOp>(random() % static_cast<uint64_t>(ControlOp::kCount));
    if (random() % 2 == 0 && request.op <= ControlOp::kProtect) {
      request.map.va = DeviceClient::kWindow + random() % (1ull << 30) * 4096;
    }
    const size_t fds = request.op == ControlOp::kModuleLoad ? 2
                       : request.op == ControlOp::kInit     ? 5
                       : request.op == ControlOp::kMap || request.op == ControlOp::kQmemAdd ||
                               (request.op == ControlOp::kIrqAdd && request.irq.kind == 0)
                           ? 1
                           : 0;
    ASSERT_NE(device.Result(request, std::vector<int>(fds, memory.fd())), -EPIPE)
        << "it died of command " << static_cast<uint32_t>(request.op) << ", message " << i;
  }
}

TEST(Control, MapsOnlyInsideTheWindow) {
  DeviceClient device;
  ASSERT_EQ(device.Init(), 0);
  const SharedMemory memory(1 << 20);
  const auto map = [&](uint64_t va, uint64_t size, uint64_t offset = 0) {
    ControlRequest request = Make(ControlOp::kMap);
    request.map.va = va;
    request.map.size = size;
    request.map.offset = offset;
    return device.Result(request, {memory.fd()});
  };
  constexpr uint64_t kEnd = DeviceClient::kWindow + VNPU_WINDOW_SIZE;
  EXPECT_EQ(map(DeviceClient::kWindow - 4096, 4096), -EINVAL);
  EXPECT_EQ(map(kEnd, 4096), -EINVAL);
  EXPECT_EQ(map(kEnd - 4096, 8192), -EINVAL);
  EXPECT_EQ(map(DeviceClient::kWindow, UINT64_MAX), -EINVAL);
  EXPECT_EQ(map(DeviceClient::kWindow, 0), -EINVAL);
  EXPECT_EQ(map(0, 4096), -EINVAL);
  EXPECT_EQ(map(DeviceClient::kWindow + 1, 4096), -EINVAL);
  EXPECT_EQ(map(DeviceClient::kWindow, 4096, 1), -EINVAL);
  EXPECT_EQ(map(DeviceClient::kWindow, 4096), 0);
  EXPECT_EQ(map(kEnd - 4096, 4096, 4096), 0);
  EXPECT_EQ(device.Unmap(kEnd - 4096, 4096), 0);
}

TEST(Control, QueuesMustFitIntoTheirMemory) {
  DeviceClient device;
  ASSERT_EQ(device.Init(), 0);
  const uint64_t bytes = vnpu_queue_bytes(16, 0);
  const SharedMemory memory(bytes);
  ControlRequest qmem = Make(ControlOp::kQmemAdd);
  qmem.qmem.qmem_id = 5;
  qmem.qmem.size = bytes + 4096;
  EXPECT_LT(device.Result(qmem, {memory.fd()}), 0) << "the memfd is shorter";
  qmem.qmem.size = bytes;
  ASSERT_EQ(device.Result(qmem, {memory.fd()}), 0);
  EXPECT_EQ(device.Result(qmem, {memory.fd()}), -EEXIST);
  const auto create = [&](uint32_t id, uint32_t qmem_id, uint64_t offset, uint32_t entries,
                          uint32_t args, uint32_t priority = 0) {
    ControlRequest request = Make(ControlOp::kQueueCreate);
    request.queue = {id, qmem_id, offset, entries, args, priority, 0};
    return device.Result(request);
  };
  EXPECT_EQ(create(0, 6, 0, 16, 0), -ENOENT);
  EXPECT_EQ(create(0, 5, 0, 15, 0), -EINVAL);
  EXPECT_EQ(create(0, 5, 0, 0, 0), -EINVAL);
  EXPECT_EQ(create(0, 5, 0, 1, 0), -EINVAL);
  EXPECT_EQ(create(0, 5, 0, 16, 1 << 20), -EINVAL);
  EXPECT_EQ(create(0, 5, 0, 1u << 31, 0), -EINVAL);
  EXPECT_EQ(create(0, 5, 4096, 16, 0), -EINVAL);
  EXPECT_EQ(create(0, 5, 8, 2, 0), -EINVAL);
  EXPECT_EQ(create(0, 5, UINT64_MAX - 4095, 16, 0), -EINVAL);
  EXPECT_EQ(create(0, 5, 0, 16, 0, VNPU_PRIORITIES), -EINVAL);
  EXPECT_EQ(create(VNPU_MAX_QUEUES, 5, 0, 16, 0), -EINVAL);
  EXPECT_EQ(create(0, 5, 0, 16, 0), 0);
  EXPECT_EQ(create(0, 5, 0, 16, 0), -EEXIST);
  ControlRequest del = Make(ControlOp::kQmemDel);
  del.qmem.qmem_id = 5;
  EXPECT_EQ(device.Result(del), -EBUSY);
  EXPECT_EQ(device.DestroyQueue(0), 0);
  EXPECT_EQ(device.DestroyQueue(0), -ENOENT);
  EXPECT_EQ(device.Result(del), 0);
  EXPECT_EQ(device.Result(del), -ENOENT);
}

TEST(Control, ProcessEndsWithTheSocket) {
  DeviceClient device;
  ASSERT_EQ(device.Init(), 0);
  const EventFd irq;
  ASSERT_EQ(device.AddIrq(0, irq), 0);
  device.CloseSocket();
  const auto status = device.WaitForExit();
  ASSERT_TRUE(status);
  EXPECT_TRUE(WIFEXITED(*status) && WEXITSTATUS(*status) == 0) << *status;
  EXPECT_EQ(Shared(device.session()->state).load(), VNPU_SESSION_LOST);
  EXPECT_EQ(irq.Take(), 1u) << "whoever waits must look again";
}

TEST(Control, ProcessEndsWithTheSocketBeforeInit) {
  DeviceClient device;
  device.CloseSocket();
  const auto status = device.WaitForExit();
  ASSERT_TRUE(status);
  EXPECT_TRUE(WIFEXITED(*status) && WEXITSTATUS(*status) == 0) << *status;
}

}  // namespace
}  // namespace vnpu::test
