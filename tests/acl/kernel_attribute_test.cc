// What can be asked about images and kernels, and the options of loading them.
#include <set>
#include <string>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class KernelAttributeTest : public KernelTest {
 protected:
  int64_t Attribute(const char* name, aclrtFuncAttribute which) {
    int64_t value = -1;
    EXPECT_OK(aclrtGetFunctionAttribute(Kernel(name), which, &value));
    return value;
  }

  // Loads the test's kernels with one option.
  aclError LoadWith(aclrtBinaryLoadOption option, aclrtBinHandle* binary) {
    aclrtBinaryLoadOptions options{.options = &option, .numOpt = 1};
    return aclrtBinaryLoadFromFile(VNPU_TEST_KERNELS, &options, binary);
  }
};

aclrtBinaryLoadOption Lazy(uint32_t value) {
  aclrtBinaryLoadOption option{};
  option.type = ACL_RT_BINARY_LOAD_OPT_LAZY_LOAD;
  option.value.isLazyLoad = value;
  return option;
}

aclrtBinaryLoadOption Magic(uint32_t value) {
  aclrtBinaryLoadOption option{};
  option.type = ACL_RT_BINARY_LOAD_OPT_MAGIC;
  option.value.magic = value;
  return option;
}

TEST_F(KernelAttributeTest, TypeTellsTheCore) {
  EXPECT_EQ(Attribute("nothing", ACL_FUNC_ATTR_KERNEL_TYPE), ACL_KERNEL_TYPE_AICORE);
  EXPECT_EQ(Attribute("vector_store_to", ACL_FUNC_ATTR_KERNEL_TYPE), ACL_KERNEL_TYPE_VECTOR);
  EXPECT_EQ(Attribute("mixed", ACL_FUNC_ATTR_KERNEL_TYPE), ACL_KERNEL_TYPE_MIX);
  EXPECT_EQ(Attribute("cpu_sum", ACL_FUNC_ATTR_KERNEL_TYPE), ACL_KERNEL_TYPE_AICPU);
}

TEST_F(KernelAttributeTest, RatioIsCubeAndVectorCores) {
  const auto ratio = [this](const char* name) {
    const int64_t value = Attribute(name, ACL_FUNC_ATTR_KERNEL_RATIO);
    return std::pair<int, int>((value >> 16) & 0xffff, value & 0xffff);
  };
  EXPECT_EQ(ratio("mixed"), (std::pair{1, 2}));
  EXPECT_EQ(ratio("nothing"), (std::pair{1, 0}));
  EXPECT_EQ(ratio("vector_store_to"), (std::pair{0, 1}));
  EXPECT_EQ(ratio("cpu_sum"), (std::pair{0, 0}));
}

TEST_F(KernelAttributeTest, BlocksStartAsCoresGetFree) {
  EXPECT_EQ(Attribute("nothing", ACL_FUNC_ATTR_KERNEL_SCHED_MODE), 0);
  int64_t value = 0;
  EXPECT_EQ(
      aclrtGetFunctionAttribute(Kernel("nothing"), static_cast<aclrtFuncAttribute>(9), &value),
      ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtGetFunctionAttribute(Kernel("nothing"), ACL_FUNC_ATTR_KERNEL_TYPE, nullptr),
            ACL_ERROR_INVALID_PARAM);
}

TEST_F(KernelAttributeTest, SizeAndAddressAreThoseOfTheCores) {
  size_t aic = 0;
  size_t aiv = 0;
  void* aic_address = nullptr;
  void* aiv_address = nullptr;
  ASSERT_OK(aclrtGetFunctionSize(Kernel("axpy"), &aic, &aiv));
  ASSERT_OK(aclrtGetFunctionAddr(Kernel("axpy"), &aic_address, &aiv_address));
  EXPECT_GT(aic, 0u);
  EXPECT_EQ(aiv, 0u);
  EXPECT_NE(aic_address, nullptr);
  EXPECT_EQ(aiv_address, nullptr);
  ASSERT_OK(aclrtGetFunctionSize(Kernel("vector_store_to"), &aic, &aiv));
  EXPECT_EQ(aic, 0u);
  EXPECT_GT(aiv, 0u);
  ASSERT_OK(aclrtGetFunctionSize(Kernel("mixed"), &aic, &aiv));
  EXPECT_GT(aic, 0u);
  EXPECT_GT(aiv, 0u);
  EXPECT_EQ(aclrtGetFunctionSize(Kernel("mixed"), nullptr, &aiv), ACL_ERROR_INVALID_PARAM);
}

TEST_F(KernelAttributeTest, MixedKernelsRunBothHalves) {
  DeviceArray<int> out(2);
  ASSERT_OK(Launch("mixed", 1, out.get(), stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(out.Read(), (std::vector<int>{1, 1}));
}

TEST_F(KernelAttributeTest, EntriesNumberTheKernels) {
  std::set<std::string> names;
  aclrtFuncHandle kernel = nullptr;
  uint64_t entry = 0;
  for (; aclrtBinaryGetFunctionByEntry(binary_, entry, &kernel) == ACL_SUCCESS; ++entry) {
    char name[64] = {};
    ASSERT_OK(aclrtGetFunctionName(kernel, sizeof(name), name));
    names.insert(name);
    EXPECT_EQ(kernel, Kernel(name));
  }
  EXPECT_EQ(names.size(), entry);
  EXPECT_TRUE(names.contains("axpy"));
  EXPECT_EQ(aclrtBinaryGetFunctionByEntry(binary_, entry, &kernel),
            ACL_ERROR_RT_INVALID_DEVICE_FUNCTION);
  EXPECT_EQ(aclrtBinaryGetFunctionByEntry(binary_, UINT64_MAX, &kernel),
            ACL_ERROR_RT_INVALID_DEVICE_FUNCTION);
  EXPECT_EQ(aclrtBinaryGetFunctionByEntry(nullptr, 0, &kernel), ACL_ERROR_INVALID_PARAM);
}

TEST_F(KernelAttributeTest, LazyImagesComeToTheDeviceWithTheirFirstKernel) {
  aclrtBinHandle lazy = nullptr;
  ASSERT_OK(LoadWith(Lazy(1), &lazy));
  void* address = &lazy;
  size_t size = 0;
  ASSERT_OK(aclrtBinaryGetDevAddress(lazy, &address, &size));
  EXPECT_EQ(address, nullptr);
  EXPECT_GT(size, 0u);
  aclrtFuncHandle kernel = nullptr;
  ASSERT_OK(aclrtBinaryGetFunction(lazy, "increment", &kernel));
  ASSERT_OK(aclrtBinaryGetDevAddress(lazy, &address, &size));
  EXPECT_NE(address, nullptr);
  DeviceArray<int> counter(1);
  int* target = counter.get();
  ASSERT_OK(aclrtLaunchKernelWithHostArgs(kernel, 1, stream_, nullptr, &target, sizeof(target),
                                          nullptr, 0));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(counter.Read()[0], 1);
  EXPECT_OK(aclrtBinaryUnLoad(lazy));
}

TEST_F(KernelAttributeTest, LazyImagesCanGoUnused) {
  aclrtBinHandle lazy = nullptr;
  ASSERT_OK(LoadWith(Lazy(1), &lazy));
  EXPECT_OK(aclrtBinaryUnLoad(lazy));
  EXPECT_EQ(aclrtBinaryUnLoad(lazy), ACL_ERROR_RT_INVALID_HANDLE);
  ASSERT_OK(LoadWith(Lazy(0), &lazy));
  void* address = nullptr;
  size_t size = 0;
  ASSERT_OK(aclrtBinaryGetDevAddress(lazy, &address, &size));
  EXPECT_NE(address, nullptr);
}

TEST_F(KernelAttributeTest, OptionsAreChecked) {
  aclrtBinHandle binary = nullptr;
  EXPECT_OK(LoadWith(Magic(ACL_RT_BINARY_MAGIC_ELF_AICORE), &binary));
  EXPECT_OK(LoadWith(Magic(ACL_RT_BINARY_MAGIC_ELF_VECTOR_CORE), &binary));
  EXPECT_OK(LoadWith(Magic(ACL_RT_BINARY_MAGIC_ELF_CUBE_CORE), &binary));
  EXPECT_EQ(LoadWith(Magic(1), &binary), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(LoadWith(Lazy(2), &binary), ACL_ERROR_RT_PARAM_INVALID);
  aclrtBinaryLoadOption unknown{};
  unknown.type = static_cast<aclrtBinaryLoadOptionType>(40);
  EXPECT_EQ(LoadWith(unknown, &binary), ACL_ERROR_RT_PARAM_INVALID);
  aclrtBinaryLoadOptions none{.options = nullptr, .numOpt = 1};
  EXPECT_EQ(aclrtBinaryLoadFromFile(VNPU_TEST_KERNELS, &none, &binary), ACL_ERROR_INVALID_PARAM);
}

TEST_F(KernelAttributeTest, HardwareSyncAddressIsDeviceMemory) {
  void* address = nullptr;
  ASSERT_OK(aclrtGetHardwareSyncAddr(&address));
  ASSERT_NE(address, nullptr);
  void* again = nullptr;
  ASSERT_OK(aclrtGetHardwareSyncAddr(&again));
  EXPECT_EQ(address, again);
  ASSERT_OK(Launch("increment", 1, address, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  int value = 0;
  ASSERT_OK(aclrtMemcpy(&value, sizeof(value), address, sizeof(value), ACL_MEMCPY_DEVICE_TO_HOST));
  EXPECT_EQ(value, 1);  // it began as zeros
  EXPECT_EQ(aclrtGetHardwareSyncAddr(nullptr), ACL_ERROR_INVALID_PARAM);
}

}  // namespace
}  // namespace vnpu::test
