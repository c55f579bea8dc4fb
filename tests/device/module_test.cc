// Loading and unloading of device images.
#include <cstring>
#include <fstream>

#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

class ModuleLoad : public DeviceTest {
 protected:
  std::optional<vnpu_ioc_module_symbol> Lookup(uint32_t module, uint32_t kind, const char* name,
                                               uint32_t index = VNPU_SYMBOL_BY_NAME) {
    firmware::ControlRequest request;
    std::memset(static_cast<void*>(&request), 0, sizeof(request));
    request.op = firmware::ControlOp::kModuleSymbol;
    request.symbol.module_id = module;
    request.symbol.kind = kind;
    request.symbol.index = index;
    std::strncpy(request.symbol.name, name, sizeof(request.symbol.name) - 1);
    const auto reply = device_.Call(request);
    return reply && reply->result == 0 ? std::optional(reply->symbol) : std::nullopt;
  }
};

TEST_F(ModuleLoad, SymbolsByNameAndNumber) {
  const auto fill = Lookup(1, VNPU_SYMBOL_KERNEL, "fill");
  ASSERT_TRUE(fill);
  EXPECT_EQ(fill->unit, VNPU_UNIT_AI_CORE);
  EXPECT_EQ(fill->param_count, 2u);
  EXPECT_EQ(fill->arg_size, 16u);
  EXPECT_EQ(fill->params[1].offset, 8u);
  EXPECT_EQ(fill->params[1].size, 8u);
  const auto same = Lookup(1, VNPU_SYMBOL_KERNEL, "", fill->index);
  ASSERT_TRUE(same);
  EXPECT_STREQ(same->name, "fill");
  EXPECT_EQ(same->func_id, fill->func_id);
  EXPECT_EQ(Lookup(1, VNPU_SYMBOL_KERNEL, "block_info_mix")->unit, VNPU_UNIT_MIX);
  EXPECT_FALSE(Lookup(1, VNPU_SYMBOL_KERNEL, "fil"));
  EXPECT_FALSE(Lookup(1, VNPU_SYMBOL_KERNEL, "", 10'000));
  EXPECT_FALSE(Lookup(2, VNPU_SYMBOL_KERNEL, "fill"));
}

TEST_F(ModuleLoad, VariablesLiveInDeviceMemory) {
  const auto launches = Lookup(1, VNPU_SYMBOL_DATA, "launches");
  ASSERT_TRUE(launches);
  EXPECT_EQ(launches->size, 8u);
  QueueClient& queue = device_.CreateQueue(0);
  const uint32_t count = Function("count_launch");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(device_.Run(queue, Kernel(count)), VNPU_OK);
  }
  ASSERT_EQ(device_.Run(queue, Copy(data_.va, launches->address, 8)), VNPU_OK);
  EXPECT_EQ(Word(data_, 0).load(), 5u);
}

TEST_F(ModuleLoad, CodeIsNotWritable) {
  const auto fill = Lookup(1, VNPU_SYMBOL_KERNEL, "fill");
  QueueClient& queue = device_.CreateQueue(0);
  EXPECT_EQ(device_.Run(queue, Kernel(Function("write_at"), 1, Args1{fill->address})),
            VNPU_E_ADDRESS);
  EXPECT_EQ(device_.Run(queue, Kernel(Function("read_at"), 1, Args1{fill->address})), VNPU_OK);
  EXPECT_EQ(device_.Run(queue, Kernel(Function("fill"), 1, Args2{data_.va, 1})), VNPU_OK);
}

TEST_F(ModuleLoad, TwoCopiesHaveVariablesOfTheirOwn) {
  ASSERT_EQ(device_.LoadModule(2, 2 * kModuleOffset, VNPU_TEST_KERNELS), 0);
  EXPECT_EQ(device_.LoadModule(2, 3 * kModuleOffset, VNPU_TEST_KERNELS), -EEXIST);
  const auto first = Lookup(1, VNPU_SYMBOL_DATA, "launches");
  const auto second = Lookup(2, VNPU_SYMBOL_DATA, "launches");
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->address, second->address);
  const uint32_t count = device_.Kernel(2, "count_launch");
  EXPECT_NE(count, Function("count_launch"));
  QueueClient& queue = device_.CreateQueue(0);
  EXPECT_EQ(device_.Run(queue, Kernel(count)), VNPU_OK);
  EXPECT_EQ(device_.Run(queue, Copy(data_.va, first->address, 8)), VNPU_OK);
  EXPECT_EQ(Word(data_, 0).load(), 0u);
}

TEST_F(ModuleLoad, UnloadedKernelsAreGone) {
  const uint32_t add_one = Function("add_one");
  EXPECT_EQ(device_.UnloadModule(1), 0);
  EXPECT_EQ(device_.UnloadModule(1), -ENOENT);
  QueueClient& queue = device_.CreateQueue(0);
  EXPECT_EQ(device_.Run(queue, Kernel(add_one, 1, Args1{data_.va})), VNPU_E_INVALID_SQE);
  EXPECT_FALSE(Lookup(1, VNPU_SYMBOL_KERNEL, "add_one"));
}

TEST_F(ModuleLoad, WhatIsNoImage) {
  const std::string path = testing::TempDir() + "vnpu_not_an_image";
  for (const std::string& content : {std::string("#!/bin/sh\n"), std::string(10'000, '\x7f')}) {
    std::ofstream(path, std::ios::binary) << content;
    std::string message;
    EXPECT_EQ(device_.LoadModule(9, 4 * kModuleOffset, path, &message), -ENOEXEC);
    EXPECT_FALSE(message.empty());
  }
  std::remove(path.c_str());
  EXPECT_EQ(device_.LoadModule(9, 5 * kModuleOffset, VNPU_TEST_KERNELS), 0);
}

}  // namespace
}  // namespace vnpu::test
