// The ways to launch a kernel, and what can be asked about it.
#include <cstring>
#include <numeric>
#include <string_view>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

struct AxpyArgs {
  float* y;
  const float* x;
  float a;
  uint32_t count;
};

struct SumArgs {
  int64_t terms[6];
  int32_t last;
  int64_t* out;
};

struct Tiling {
  uint32_t count;
  int32_t factor;
};

class LaunchTest : public KernelTest {
 protected:
  void Synchronise() { EXPECT_OK(aclrtSynchronizeStream(stream_)); }
};

TEST_F(LaunchTest, BlocksCoverTheWork) {
  constexpr uint32_t kCount = 1000;
  DeviceArray<int> out(kCount, 0xff);
  struct {
    int* out;
    uint32_t count;
  } args{.out = out.get(), .count = kCount};
  ASSERT_OK(Launch("fill_index", 40, args, stream_));
  Synchronise();
  const std::vector<int> indexes = out.Read();
  for (uint32_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(indexes[i], static_cast<int>(i % 40));
  }
}

TEST_F(LaunchTest, HostArgs) {
  DeviceArray<float> x(100);
  DeviceArray<float> y(100);
  x.Write(std::vector<float>(100, 2));
  y.Write(std::vector<float>(100, 1));
  ASSERT_OK(Launch("axpy", 3, AxpyArgs{y.get(), x.get(), 10, 100}, stream_));
  Synchronise();
  EXPECT_EQ(y.Read(), std::vector<float>(100, 21));
}

TEST_F(LaunchTest, ArgumentsTooLargeForTheEntry) {
  DeviceArray<int64_t> out(1);
  for (int i = 0; i < 3000; ++i) {  // around the argument area several times
    ASSERT_OK(Launch("sum_many", 1, SumArgs{{1, 2, 3, 4, 5, i}, 7, out.get()}, stream_));
  }
  Synchronise();
  EXPECT_EQ(out.Read()[0], 1 + 2 + 3 + 4 + 5 + 2999 + 7);
}

TEST_F(LaunchTest, DeviceArgsAreReadInStreamOrder) {
  DeviceArray<int64_t> out(1);
  DeviceArray<SumArgs> args(1);
  PinnedArray<SumArgs> host(1);
  host[0] = {{1, 2, 3, 4, 5, 6}, 7, out.get()};
  ASSERT_OK(aclrtMemcpyAsync(args.get(), args.bytes(), host.get(), host.bytes(),
                             ACL_MEMCPY_HOST_TO_DEVICE, stream_));
  ASSERT_OK(aclrtLaunchKernel(Kernel("sum_many"), 1, args.get(), sizeof(SumArgs), stream_));
  Synchronise();
  EXPECT_EQ(out.Read()[0], 28);
  host[0].last = 8;
  ASSERT_OK(
      aclrtLaunchKernelV2(Kernel("sum_many"), 1, host.get(), sizeof(SumArgs), nullptr, stream_));
  Synchronise();
  EXPECT_EQ(out.Read()[0], 29);
  SumArgs pageable = host[0];
  EXPECT_EQ(aclrtLaunchKernel(Kernel("sum_many"), 1, &pageable, sizeof(SumArgs), stream_),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtLaunchKernel(Kernel("sum_many"), 1, args.get(), 8, stream_),
            ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(LaunchTest, ArgsArray) {
  DeviceArray<int64_t> out(1);
  int64_t terms[6] = {10, 20, 30, 40, 50, 60};
  int32_t last = 1;
  int64_t* address = out.get();
  void* args[] = {&terms[0], &terms[1], &terms[2], &terms[3],
                  &terms[4], &terms[5], &last,     &address};
  ASSERT_OK(aclrtLaunchKernelWithArgsArray(Kernel("sum_many"), 1, stream_, nullptr, args));
  Synchronise();
  EXPECT_EQ(out.Read()[0], 211);
  args[3] = nullptr;
  EXPECT_EQ(aclrtLaunchKernelWithArgsArray(Kernel("sum_many"), 1, stream_, nullptr, args),
            ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtLaunchKernelWithArgsArray(args, 1, stream_, nullptr, args),
            ACL_ERROR_RT_INVALID_DEVICE_FUNCTION);
}

TEST_F(LaunchTest, ArgsList) {
  DeviceArray<float> x(10);
  DeviceArray<float> y(10);
  x.Write(std::vector<float>(10, 1));
  const aclrtFuncHandle axpy = Kernel("axpy");
  aclrtArgsHandle list = nullptr;
  aclrtParamHandle param = nullptr;
  aclrtParamHandle factor_param = nullptr;
  float* y_address = y.get();
  float* x_address = x.get();
  float factor = 3;
  uint32_t count = 10;
  ASSERT_OK(aclrtKernelArgsInit(axpy, &list));
  ASSERT_OK(aclrtKernelArgsAppend(list, &y_address, sizeof(y_address), &param));
  ASSERT_OK(aclrtKernelArgsAppend(list, &x_address, sizeof(x_address), &param));
  ASSERT_OK(aclrtKernelArgsAppend(list, &factor, sizeof(factor), &factor_param));
  EXPECT_EQ(aclrtKernelArgsFinalize(list), ACL_ERROR_RT_PARAM_INVALID);  // one is missing
  EXPECT_EQ(aclrtKernelArgsAppend(list, &count, 2, &param), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtKernelArgsAppend(list, &count, sizeof(count), &param));
  EXPECT_EQ(aclrtKernelArgsAppend(list, &count, sizeof(count), &param), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtLaunchKernelWithConfig(axpy, 1, stream_, nullptr, list, nullptr),
            ACL_ERROR_RT_PARAM_INVALID);  // not finalized
  ASSERT_OK(aclrtKernelArgsFinalize(list));
  ASSERT_OK(aclrtLaunchKernelWithConfig(axpy, 1, stream_, nullptr, list, nullptr));
  factor = 4;
  ASSERT_OK(aclrtKernelArgsParaUpdate(list, factor_param, &factor, sizeof(factor)));
  ASSERT_OK(aclrtKernelArgsFinalize(list));
  ASSERT_OK(aclrtLaunchKernelWithConfig(axpy, 2, stream_, nullptr, list, nullptr));
  Synchronise();
  EXPECT_EQ(y.Read(), std::vector<float>(10, 7));
}

TEST_F(LaunchTest, ArgsListWithPlaceholder) {
  DeviceArray<int> values(4);
  values.Write({1, 2, 3, 4});
  const aclrtFuncHandle scale = Kernel("scale");
  int* address = values.get();
  int offset = 100;
  size_t bytes = 0;
  ASSERT_OK(aclrtKernelArgsGetHandleMemSize(scale, &bytes));
  std::vector<std::max_align_t> handle(bytes / sizeof(std::max_align_t) + 1);
  ASSERT_OK(aclrtKernelArgsGetMemSize(scale, 24 + sizeof(Tiling), &bytes));
  std::vector<char> memory(bytes);
  ASSERT_OK(aclrtKernelArgsInitByUserMem(scale, handle.data(), memory.data(), memory.size()));
  aclrtParamHandle param = nullptr;
  aclrtParamHandle placeholder = nullptr;
  ASSERT_OK(aclrtKernelArgsAppend(handle.data(), &address, sizeof(address), &param));
  ASSERT_OK(aclrtKernelArgsAppendPlaceHolder(handle.data(), &placeholder));
  ASSERT_OK(aclrtKernelArgsAppend(handle.data(), &offset, sizeof(offset), &param));
  EXPECT_EQ(aclrtKernelArgsFinalize(handle.data()), ACL_ERROR_RT_PARAM_INVALID);  // no buffer
  void* buffer = nullptr;
  EXPECT_EQ(aclrtKernelArgsGetPlaceHolderBuffer(handle.data(), param, 8, &buffer),
            ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(
      aclrtKernelArgsGetPlaceHolderBuffer(handle.data(), placeholder, sizeof(Tiling), &buffer));
  const Tiling tiling{.count = 4, .factor = -1};
  std::memcpy(buffer, &tiling, sizeof(tiling));
  ASSERT_OK(aclrtKernelArgsFinalize(handle.data()));
  ASSERT_OK(aclrtLaunchKernelWithConfig(scale, 1, stream_, nullptr, handle.data(), nullptr));
  Synchronise();
  EXPECT_EQ(values.Read(), (std::vector<int>{99, 98, 97, 96}));
}

TEST_F(LaunchTest, HostArgsWithPlaceholder) {
  DeviceArray<int> values(2);
  struct {
    int* values;
    const Tiling* tiling;
    int offset;
    Tiling data;
  } args{.values = values.get(), .tiling = nullptr, .offset = 5, .data = {2, 3}};
  aclrtPlaceHolderInfo placeholder{.addrOffset = 8, .dataOffset = offsetof(decltype(args), data)};
  values.Write({1, 2});
  constexpr int kLaunches = 2000;  // the data's memory is used again and again
  for (int i = 0; i < kLaunches; ++i) {
    args.data.factor = i == 0 ? 3 : 1;
    args.offset = i == 0 ? 5 : 0;
    ASSERT_OK(aclrtLaunchKernelWithHostArgs(Kernel("scale"), 1, stream_, nullptr, &args,
                                            sizeof(args), &placeholder, 1));
  }
  Synchronise();
  EXPECT_EQ(values.Read(), (std::vector<int>{8, 11}));
  placeholder.addrOffset = 100;
  EXPECT_EQ(aclrtLaunchKernelWithHostArgs(Kernel("scale"), 1, stream_, nullptr, &args, sizeof(args),
                                          &placeholder, 1),
            ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(LaunchTest, ArgumentsAreChecked) {
  const aclrtFuncHandle nothing = Kernel("nothing");
  int value = 0;
  const auto launch = [&](aclrtFuncHandle kernel, uint32_t blocks, size_t size) {
    return aclrtLaunchKernelWithHostArgs(kernel, blocks, stream_, nullptr, &value, size, nullptr,
                                         0);
  };
  EXPECT_OK(launch(nothing, 1, 0));
  EXPECT_OK(launch(nothing, 65535, 0));
  EXPECT_EQ(launch(nothing, 0, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(launch(nothing, 65536, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(launch(nullptr, 1, 0), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(launch(&value, 1, 0), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(launch(Kernel("increment"), 1, 4), ACL_ERROR_RT_PARAM_INVALID);  // too few bytes
  Synchronise();
}

TEST_F(LaunchTest, ConfigurationIsChecked) {
  aclrtLaunchKernelAttr attributes[2]{};
  attributes[0].id = ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT;
  attributes[0].value.timeout = 10;
  attributes[1].id = ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT_US;
  attributes[1].value.timeoutUs = {.timeoutLow = 1000, .timeoutHigh = 0};
  aclrtLaunchKernelCfg config{.attrs = attributes, .numAttrs = 1};
  const auto launch = [&] {
    return aclrtLaunchKernelWithHostArgs(Kernel("nothing"), 1, stream_, &config, nullptr, 0,
                                         nullptr, 0);
  };
  EXPECT_OK(launch());
  config.numAttrs = 2;
  EXPECT_EQ(launch(), ACL_ERROR_RT_PARAM_INVALID);
  config.numAttrs = 1;
  attributes[0].id = static_cast<aclrtLaunchKernelAttrId>(77);
  EXPECT_EQ(launch(), ACL_ERROR_RT_PARAM_INVALID);
  Synchronise();
}

TEST_F(LaunchTest, KernelsCanBeAskedAbout) {
  const aclrtFuncHandle axpy = Kernel("axpy");
  EXPECT_EQ(axpy, Kernel("axpy"));
  char name[16] = {};
  EXPECT_OK(aclrtGetFunctionName(axpy, sizeof(name), name));
  EXPECT_EQ(std::string_view(name), "axpy");
  EXPECT_EQ(aclrtGetFunctionName(axpy, 4, name), ACL_ERROR_RT_PARAM_INVALID);
  size_t count = 0;
  size_t offset = 0;
  size_t size = 0;
  EXPECT_OK(aclrtFunctionGetParamCount(axpy, &count));
  EXPECT_EQ(count, 4u);
  EXPECT_OK(aclrtFunctionGetParamInfo(axpy, 3, &offset, &size));
  EXPECT_EQ(offset, 20u);
  EXPECT_EQ(size, 4u);
  EXPECT_EQ(aclrtFunctionGetParamInfo(axpy, 4, &offset, &size), ACL_ERROR_RT_PARAM_INVALID);
  aclrtBinHandle binary = nullptr;
  EXPECT_OK(aclrtFunctionGetBinary(axpy, &binary));
  EXPECT_EQ(binary, binary_);
  int64_t type = -1;
  EXPECT_OK(aclrtGetFunctionAttribute(Kernel("vector_store_to"), ACL_FUNC_ATTR_KERNEL_TYPE, &type));
  EXPECT_EQ(type, ACL_KERNEL_TYPE_VECTOR);
  aclrtFuncHandle missing = nullptr;
  EXPECT_EQ(aclrtBinaryGetFunction(binary_, "no_such_kernel", &missing),
            ACL_ERROR_RT_INVALID_DEVICE_FUNCTION);
}

TEST_F(LaunchTest, GlobalsCanBeWritten) {
  void* address = nullptr;
  size_t size = 0;
  ASSERT_OK(aclrtBinaryGetGlobal(binary_, "lookup_me", &address, &size));
  EXPECT_EQ(size, 5 * sizeof(int));
  DeviceArray<int> out(1);
  ASSERT_OK(Launch("read_global", 1, out.get(), stream_));
  Synchronise();
  EXPECT_EQ(out.Read()[0], 3);
  const int values[5] = {0, 0, 77, 0, 0};
  ASSERT_OK(aclrtMemcpy(address, size, values, sizeof(values), ACL_MEMCPY_HOST_TO_DEVICE));
  ASSERT_OK(Launch("read_global", 1, out.get(), stream_));
  Synchronise();
  EXPECT_EQ(out.Read()[0], 77);
  EXPECT_EQ(aclrtBinaryGetGlobal(binary_, "nope", &address, &size), ACL_ERROR_RT_SYMBOL_NOT_FOUND);
}

TEST_F(LaunchTest, ImagesComeFromMemoryToo) {
  const std::vector<char> image = ReadFile(VNPU_TEST_KERNELS);
  aclrtBinHandle binary = nullptr;
  ASSERT_OK(aclrtBinaryLoadFromData(image.data(), image.size(), nullptr, &binary));
  aclrtFuncHandle kernel = nullptr;
  ASSERT_OK(aclrtBinaryGetFunction(binary, "increment", &kernel));
  DeviceArray<int> counter(1);
  int* address = counter.get();
  ASSERT_OK(aclrtLaunchKernelWithHostArgs(kernel, 1, stream_, nullptr, &address, sizeof(address),
                                          nullptr, 0));
  Synchronise();
  EXPECT_EQ(counter.Read()[0], 1);
  ASSERT_OK(aclrtBinaryUnLoad(binary));
  EXPECT_EQ(aclrtBinaryUnLoad(binary), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtLaunchKernelWithHostArgs(kernel, 1, stream_, nullptr, &address, sizeof(address),
                                          nullptr, 0),
            ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(LaunchTest, BadImagesAreRefused) {
  aclrtBinHandle binary = nullptr;
  EXPECT_EQ(aclrtBinaryLoadFromFile("/no/such/image.o", nullptr, &binary), ACL_ERROR_RT_FILE_OPEN);
  EXPECT_EQ(aclrtBinaryLoadFromFile("/tmp", nullptr, &binary), ACL_ERROR_RT_FILE_OPEN);
  EXPECT_EQ(aclrtBinaryLoadFromFile("/bin/true", nullptr, &binary), ACL_ERROR_RT_PARAM_INVALID);
  std::vector<char> image = ReadFile(VNPU_TEST_KERNELS);
  image.resize(image.size() / 2);
  EXPECT_NE(aclrtBinaryLoadFromData(image.data(), image.size(), nullptr, &binary), ACL_SUCCESS);
  EXPECT_EQ(aclrtBinaryLoadFromData(image.data(), 0, nullptr, &binary), ACL_ERROR_RT_PARAM_INVALID);
}

}  // namespace
}  // namespace vnpu::test
