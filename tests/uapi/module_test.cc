// Device images: garbage and real ones, symbols, kernels and their faults.
#include "tests/uapi/support/module.h"

#include <sys/syscall.h>

#include <atomic>
#include <cstring>
#include <random>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class ModuleTest : public RawTest {};

int LoadBytes(Session& session, const std::string& bytes, vnpu_ioc_module_load* load) {
  const UniqueFd fd = MakeImageFd(bytes.data(), bytes.size());
  return LoadModule(session, fd.get(), bytes.size(), load);
}

TEST_P(ModuleTest, FieldsOutOfRange) {
  Session session(vnpud());
  const std::string& image = TestImage();
  const UniqueFd fd = MakeImageFd(image.data(), image.size());
  vnpu_ioc_module_load load{};
  for (const uint64_t size :
       {uint64_t{0}, uint64_t{image.size() + 1}, uint64_t{1} << 40, ~uint64_t{0}}) {
    const int result = LoadModule(session, fd.get(), size, &load);
    EXPECT_TRUE(result == -EINVAL || result == -ENOEXEC) << size << ": " << ErrorName(result);
  }
  for (const int bad : {-1, 9999, session.kick_fd(), session.file().fd()}) {
    EXPECT_ERRNO(EBADF, LoadModule(session, bad, image.size(), &load)) << bad;
  }
  const UniqueFd writable = MakeSealedMemfd(image.size());
  ASSERT_EQ(pwrite(writable.get(), image.data(), image.size(), 0),
            static_cast<ssize_t>(image.size()));
  EXPECT_ERRNO(EBADF, LoadModule(session, writable.get(), image.size(), &load))
      << "the client could still change it";
  load = {};
  load.size = image.size();
  load.fd = fd.get();
  load.flags = 1;
  EXPECT_ERRNO(EINVAL, session.Ioctl(VNPU_IOC_MODULE_LOAD, &load));
  for (const uint32_t id : {0u, 1u, 4095u, UINT32_MAX}) {
    vnpu_ioc_module_unload unload{id, 0};
    EXPECT_ERRNO(ENOENT, session.Ioctl(VNPU_IOC_MODULE_UNLOAD, &unload));
  }
}

TEST_P(ModuleTest, GarbageIsRefusedWithAReason) {
  Session session(vnpud());
  std::mt19937 random(7);
  std::string noise(100'000, 0);
  for (char& byte : noise) {
    byte = static_cast<char>(random());
  }
  const std::string& image = TestImage();
  for (const std::string& bytes :
       {std::string("x"), std::string(4096, 0), noise, image.substr(0, 64),
        image.substr(0, image.size() / 2), std::string("\177ELF") + noise,
        image.substr(0, 64) + noise, ReadFile("/proc/self/exe")}) {
    vnpu_ioc_module_load load{};
    EXPECT_ERRNO(ENOEXEC, LoadBytes(session, bytes, &load)) << bytes.size() << " bytes";
    EXPECT_NE(load.message[0], 0);
    EXPECT_NE(std::memchr(load.message, 0, sizeof(load.message)), nullptr);
  }
  EXPECT_EQ(Counters().modules, 0u);
  EXPECT_EQ(Counters().hbm_pages, 0u);
}

// Real images with some bytes changed are loaded or refused; the session lives on.
TEST_P(ModuleTest, DamagedImages) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  std::mt19937 random(11);
  constexpr int kRounds = 300;
  for (int round = 0; round < kRounds; ++round) {
    std::string image = TestImage();
    // The headers are where it hurts.
    const size_t range = round % 2 == 0 ? 0x400 : image.size();
    for (unsigned i = 0; i < 1 + random() % 4; ++i) {
      image[random() % range] = static_cast<char>(random());
    }
    vnpu_ioc_module_load load{};
    const int result = LoadBytes(session, image, &load);
    ASSERT_TRUE(result == 0 || result == -ENOEXEC || result == -ENOMEM || result == -EINVAL)
        << "round " << round << ": " << ErrorName(result);
    if (result == 0) {
      vnpu_ioc_module_unload unload{load.module_id, 0};
      EXPECT_OK(session.Ioctl(VNPU_IOC_MODULE_UNLOAD, &unload));
    }
  }
  EXPECT_EQ(session.Run(queue, Nop()), VNPU_OK);
  EXPECT_EQ(Counters().modules, 0u);
}

TEST_P(ModuleTest, Symbols) {
  Session session(vnpud());
  Session other(vnpud());
  const TestModule module(&session);
  EXPECT_EQ(Counters().modules, 1u);
  for (uint32_t index = 0; index < module.kernels(); ++index) {
    vnpu_ioc_module_symbol by_index{};
    by_index.module_id = module.id();
    by_index.index = index;
    ASSERT_OK(session.Ioctl(VNPU_IOC_MODULE_SYMBOL, &by_index));
    const vnpu_ioc_module_symbol by_name = module.Symbol(VNPU_SYMBOL_KERNEL, by_index.name);
    EXPECT_EQ(by_name.index, index);
    EXPECT_EQ(by_name.func_id, by_index.func_id);
    EXPECT_EQ(by_name.address, by_index.address);
    EXPECT_EQ(session.Query(by_index.address).kind, VNPU_MEM_MODULE);
  }
  const vnpu_ioc_module_symbol fill = module.Symbol(VNPU_SYMBOL_KERNEL, "fill");
  EXPECT_EQ(fill.param_count, 3u);
  EXPECT_EQ(fill.arg_size, 24u);
  EXPECT_EQ(fill.params[2].offset, 16u);
  EXPECT_EQ(fill.params[2].size, 8u);
  const vnpu_ioc_module_symbol launches = module.Symbol(VNPU_SYMBOL_DATA, "launches");
  EXPECT_EQ(launches.size, 8u);

  vnpu_ioc_module_symbol symbol{};
  EXPECT_ERRNO(ENOENT,
               FindSymbol(session, module.id(), VNPU_SYMBOL_KERNEL, "no_such_symbol", &symbol));
  EXPECT_ERRNO(ENOENT, FindSymbol(session, module.id(), VNPU_SYMBOL_KERNEL, "", &symbol));
  EXPECT_ERRNO(ENOENT, FindSymbol(session, module.id(), VNPU_SYMBOL_DATA, "fill", &symbol));
  EXPECT_ERRNO(ENOENT, FindSymbol(session, module.id() + 1, VNPU_SYMBOL_KERNEL, "fill", &symbol));
  EXPECT_ERRNO(ENOENT, FindSymbol(other, module.id(), VNPU_SYMBOL_KERNEL, "fill", &symbol));
  EXPECT_ERRNO(EINVAL, FindSymbol(session, module.id(), 2, "fill", &symbol));
  symbol = {};
  symbol.module_id = module.id();
  symbol.index = module.kernels();
  EXPECT_ERRNO(ENOENT, session.Ioctl(VNPU_IOC_MODULE_SYMBOL, &symbol));
  symbol.index = VNPU_SYMBOL_BY_NAME;
  std::memset(symbol.name, 'a', sizeof(symbol.name));
  const int unterminated = session.Ioctl(VNPU_IOC_MODULE_SYMBOL, &symbol);
  EXPECT_TRUE(unterminated == -EINVAL || unterminated == -ENOENT) << ErrorName(unterminated);
}

TEST_P(ModuleTest, KernelsCompute) {
  Session session(vnpud());
  const TestModule module(&session);
  const Queue queue = session.CreateQueue({.arg_bytes = VNPU_PAGE_SIZE});
  constexpr uint64_t kCount = 5000;
  const Buffer buffer = session.Allocate(16 * VNPU_PAGE_SIZE);
  const uint64_t fill_args[] = {buffer.va, 1000, kCount};
  ASSERT_EQ(session.Run(queue, Kernel(module.Function("fill"), 7, fill_args)), VNPU_OK);

  // Arguments in the queue's argument area, and in device memory.
  const uint64_t add_args[] = {buffer.va, kCount};
  vnpu_sqe sqe = Kernel(module.Function("add_one"), 3, add_args);
  sqe.flags = 0;
  std::memset(sqe.kernel.inline_args, 0, sizeof(sqe.kernel.inline_args));
  sqe.kernel.arg_offset = 64;
  std::memcpy(queue.args() + 64, add_args, sizeof(add_args));
  ASSERT_EQ(session.Run(queue, sqe), VNPU_OK);
  const uint64_t args_va = buffer.va + 15 * VNPU_PAGE_SIZE;
  ASSERT_TRUE(session.Store(args_va, add_args, sizeof(add_args)));
  sqe.kernel.arg_offset = 0;
  sqe.flags = VNPU_SQE_DEVICE_ARGS;
  std::memcpy(sqe.kernel.inline_args, &args_va, sizeof(args_va));
  ASSERT_EQ(session.Run(queue, sqe), VNPU_OK);

  std::vector<uint64_t> seen(kCount);
  ASSERT_TRUE(session.Load(seen.data(), buffer.va, kCount * 8));
  for (uint64_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(seen[i], 1002 + i);
  }

  // Global variables keep their values between launches.
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(session.Run(queue, Kernel(module.Function("count_launch"), 4, {})), VNPU_OK);
  }
  uint64_t launches = 0;
  ASSERT_TRUE(session.Load(&launches, module.Symbol(VNPU_SYMBOL_DATA, "launches").address, 8));
  EXPECT_EQ(launches, 3u);
}

TEST_P(ModuleTest, LaunchFieldsOutOfRange) {
  Session session(vnpud());
  const TestModule module(&session);
  const Queue queue = session.CreateQueue({.arg_bytes = VNPU_PAGE_SIZE});
  const Buffer buffer = session.Allocate(VNPU_PAGE_SIZE);
  const uint64_t args[] = {buffer.va, 1};
  const vnpu_sqe good = Kernel(module.Function("poke"), 1, args);
  const auto run = [&](auto change) {
    vnpu_sqe sqe = good;
    change(&sqe);
    return session.Run(queue, sqe);
  };
  EXPECT_EQ(run([](auto* s) { s->kernel.block_dim = 0; }), VNPU_E_INVALID_SQE);
  EXPECT_EQ(run([](auto* s) { s->kernel.block_dim = VNPU_MAX_BLOCKS + 1; }), VNPU_E_INVALID_SQE);
  EXPECT_EQ(run([](auto* s) { s->kernel.arg_size = 8; }), VNPU_E_INVALID_SQE);
  EXPECT_EQ(run([](auto* s) { s->kernel.arg_size = UINT32_MAX; }), VNPU_E_INVALID_SQE);
  EXPECT_EQ(run([](auto* s) { s->kernel.arg_offset = 8; }), VNPU_E_INVALID_SQE);
  EXPECT_EQ(run([](auto* s) { s->kernel.func_id += 1000; }), VNPU_E_INVALID_SQE);
  EXPECT_EQ(run([](auto* s) { s->flags |= VNPU_SQE_DEVICE_ARGS; }), VNPU_E_INVALID_SQE);
  for (const uint32_t offset : {4u, VNPU_PAGE_SIZE - 8u, VNPU_PAGE_SIZE + 0u, 0xfffffff8u}) {
    EXPECT_EQ(run([=](auto* s) {
                s->flags = 0;
                s->kernel.arg_offset = offset;
              }),
              VNPU_E_INVALID_SQE)
        << offset;
  }
  EXPECT_EQ(run([](auto*) {}), VNPU_OK);
}

TEST_P(ModuleTest, FaultsOfKernels) {
  Session session(vnpud());
  const TestModule module(&session);
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(VNPU_PAGE_SIZE);
  const Buffer read_only = session.Allocate(VNPU_PAGE_SIZE);
  vnpu_ioc_protect protect{read_only.va, read_only.size, VNPU_PROT_READ, 0};
  ASSERT_OK(session.Ioctl(VNPU_IOC_PROTECT, &protect));
  const auto run = [&](const char* name, std::vector<uint64_t> args) {
    return session.Run(queue, Kernel(module.Function(name), 1, args));
  };
  const auto record = [&] {
    return session.mem().exceptions[(session.mem().exception_count - 1) % VNPU_EXCEPTIONS];
  };
  // Not an address of the stack or heap: the device process may have its own there by chance.
  const Mapping host = Mapping::ReserveAt(0x1000'0000, VNPU_PAGE_SIZE);
  ASSERT_NE(host.data(), nullptr);
  for (const uint64_t bad :
       {uint64_t{0}, uint64_t{session.window() + VNPU_WINDOW_SIZE / 2}, AddressOf(host.data())}) {
    EXPECT_EQ(run("peek", {bad, buffer.va}), VNPU_E_ADDRESS) << std::hex << bad;
    EXPECT_EQ(record().address, bad);
    EXPECT_EQ(record().opcode, VNPU_OP_KERNEL);
    EXPECT_EQ(run("poke", {bad, 1}), VNPU_E_ADDRESS) << std::hex << bad;
    EXPECT_EQ(record().address, bad);
    EXPECT_EQ(record().is_write, 1u);
  }
  EXPECT_EQ(run("peek", {read_only.va, buffer.va}), VNPU_OK);
  EXPECT_EQ(run("poke", {read_only.va, 1}), VNPU_E_ADDRESS);
  EXPECT_EQ(run("divide", {buffer.va, 1, 0}), VNPU_E_DIVIDE);
  EXPECT_EQ(run("trap_now", {}), VNPU_E_TRAP);
  EXPECT_EQ(run("system_call", {SYS_getppid, 0, 0, buffer.va}), VNPU_E_SYSCALL);
  vnpu_sqe spin = Kernel(module.Function("spin"), 1, std::vector{buffer.va + 8});
  spin.timeout_us = 20'000;
  EXPECT_EQ(session.Run(queue, spin), VNPU_E_TIMEOUT);
  EXPECT_EQ(run("divide", {buffer.va, 42, 6}), VNPU_OK);
  uint64_t quotient = 0;
  ASSERT_TRUE(session.Load(&quotient, buffer.va, 8));
  EXPECT_EQ(quotient, 7u);
}

TEST_P(ModuleTest, RunningKernelsAreStoppedByForce) {
  Session session(vnpud());
  const TestModule module(&session);
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(VNPU_PAGE_SIZE);
  session.Publish(queue, Kernel(module.Function("spin"), 3, std::vector{buffer.va}));
  session.Publish(queue, Nop());
  vnpu_ioc_queue_destroy destroy{queue.id, 0};
  EXPECT_ERRNO(EBUSY, session.Ioctl(VNPU_IOC_QUEUE_DESTROY, &destroy));
  session.DestroyQueue(queue, VNPU_DESTROY_FORCE);
  const uint64_t args[] = {buffer.va, 5};
  EXPECT_EQ(session.Run(session.CreateQueue(), Kernel(module.Function("poke"), 1, args)), VNPU_OK);
}

TEST_P(ModuleTest, UnloadedModulesAreGone) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  for (int round = 0; round < 20; ++round) {
    const TestModule module(&session);
    const vnpu_ioc_module_symbol symbol = module.Symbol(VNPU_SYMBOL_KERNEL, "count_launch");
    ASSERT_EQ(session.Run(queue, Kernel(symbol.func_id, 1, {})), VNPU_OK);
    vnpu_ioc_module_unload unload{module.id(), 1};
    EXPECT_ERRNO(EINVAL, session.Ioctl(VNPU_IOC_MODULE_UNLOAD, &unload));
    unload.reserved = 0;
    ASSERT_OK(session.Ioctl(VNPU_IOC_MODULE_UNLOAD, &unload));
    EXPECT_ERRNO(ENOENT, session.Ioctl(VNPU_IOC_MODULE_UNLOAD, &unload));
    EXPECT_EQ(session.Run(queue, Kernel(symbol.func_id, 1, {})), VNPU_E_INVALID_SQE);
    EXPECT_EQ(session.Query(symbol.address).kind, VNPU_MEM_NONE);
  }
  EXPECT_EQ(Counters().hbm_pages, 0u);
}

// Module memory is not the client's to unmap, to write to its code, or to release.
TEST_P(ModuleTest, ModuleMemoryIsProtected) {
  Session session(vnpud());
  const TestModule module(&session);
  const Queue queue = session.CreateQueue();
  const vnpu_ioc_module_symbol symbol = module.Symbol(VNPU_SYMBOL_KERNEL, "poke");
  const vnpu_ioc_mem_query page = session.Query(symbol.address);
  const uint64_t va = symbol.address & ~(uint64_t{VNPU_PAGE_SIZE} - 1);
  vnpu_ioc_unmap unmap{va, VNPU_PAGE_SIZE};
  EXPECT_LT(session.Ioctl(VNPU_IOC_UNMAP, &unmap), 0);
  vnpu_ioc_protect protect{va, VNPU_PAGE_SIZE, VNPU_PROT_READ | VNPU_PROT_WRITE, 0};
  EXPECT_LT(session.Ioctl(VNPU_IOC_PROTECT, &protect), 0);
  vnpu_ioc_release release{page.base, 0};
  EXPECT_LT(session.Ioctl(VNPU_IOC_RELEASE, &release), 0);
  vnpu_ioc_unpin unpin{page.base, 0};
  EXPECT_ERRNO(ENOENT, session.Ioctl(VNPU_IOC_UNPIN, &unpin));
  vnpu_ioc_pmem_free free_pmem{page.pmem_id, 0};
  EXPECT_LT(session.Ioctl(VNPU_IOC_PMEM_FREE, &free_pmem), 0);
  EXPECT_EQ(session.Run(queue, Memset(va, 8, 0x90)), VNPU_E_DMA_ADDRESS) << "code is read-only";
  const uint64_t args[] = {symbol.address, 0};
  EXPECT_EQ(session.Run(queue, Kernel(symbol.func_id, 1, args)), VNPU_E_ADDRESS);
}

RAW_TEST_SUITE(ModuleTest);

}  // namespace
}  // namespace vnpu::raw
