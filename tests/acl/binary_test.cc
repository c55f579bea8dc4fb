// Images that a program describes before it loads them, and argument lists that do not fit.
#include <cstring>
#include <string_view>
#include <vector>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class BinaryTest : public KernelTest {
 protected:
  static aclrtArgsHandle ListFor(aclrtFuncHandle kernel) {
    aclrtArgsHandle list = nullptr;
    EXPECT_OK(aclrtKernelArgsInit(kernel, &list));
    return list;
  }
};

TEST_F(BinaryTest, DescribedImagesAreLoadedAsOftenAsOneLikes) {
  const std::vector<char> image = ReadFile(VNPU_TEST_KERNELS);
  aclrtBinary binary = aclrtCreateBinary(image.data(), image.size());
  ASSERT_NE(binary, nullptr);
  DeviceArray<int> counter(1);
  int* address = counter.get();
  for (int i = 0; i < 2; ++i) {
    aclrtBinHandle loaded = nullptr;
    aclrtFuncHandle kernel = nullptr;
    ASSERT_OK(aclrtBinaryLoad(binary, &loaded));
    ASSERT_OK(aclrtBinaryGetFunction(loaded, "increment", &kernel));
    ASSERT_OK(aclrtLaunchKernelWithHostArgs(kernel, 1, stream_, nullptr, &address, sizeof(address),
                                            nullptr, 0));
    ASSERT_OK(aclrtSynchronizeStream(stream_));
    ASSERT_OK(aclrtBinaryUnLoad(loaded));
  }
  EXPECT_EQ(counter.Read()[0], 2);
  ASSERT_OK(aclrtDestroyBinary(binary));
  aclrtBinHandle loaded = nullptr;
  EXPECT_EQ(aclrtBinaryLoad(binary, &loaded), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtDestroyBinary(binary), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(BinaryTest, DescriptionsAreChecked) {
  const char text[] = "not an image";
  EXPECT_EQ(aclrtCreateBinary(nullptr, 8), nullptr);
  EXPECT_EQ(aclrtCreateBinary(text, 0), nullptr);
  aclrtBinary binary = aclrtCreateBinary(text, sizeof(text));
  ASSERT_NE(binary, nullptr);
  aclrtBinHandle loaded = nullptr;
  EXPECT_EQ(aclrtBinaryLoad(binary, nullptr), ACL_ERROR_INVALID_PARAM);
  aclGetRecentErrMsg();
  EXPECT_EQ(aclrtBinaryLoad(binary, &loaded), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_NE(std::string_view(aclGetRecentErrMsg()).find("npucc"), std::string_view::npos);
  EXPECT_OK(aclrtDestroyBinary(binary));
  EXPECT_EQ(aclrtDestroyBinary(nullptr), ACL_ERROR_INVALID_PARAM);
}

TEST_F(BinaryTest, AKernelHasOneHandle) {
  EXPECT_EQ(Kernel("increment"), Kernel("increment"));
  EXPECT_NE(Kernel("increment"), Kernel("scale"));
  aclrtFuncHandle kernel = nullptr;
  const std::string long_name(1000, 'x');
  EXPECT_NE(aclrtBinaryGetFunction(binary_, long_name.c_str(), &kernel), ACL_SUCCESS);
}

TEST_F(BinaryTest, ArgumentListsTakeWhatTheKernelTakes) {
  aclrtArgsHandle list = ListFor(Kernel("increment"));
  int* address = nullptr;
  aclrtParamHandle param = nullptr;
  EXPECT_EQ(aclrtKernelArgsAppend(list, &address, 4, &param), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtKernelArgsAppend(list, &address, sizeof(address), &param));
  aclrtParamHandle other = nullptr;
  EXPECT_EQ(aclrtKernelArgsAppend(list, &address, sizeof(address), &other),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtKernelArgsParaUpdate(list, param, &address, 4), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtKernelArgsParaUpdate(list, &address, &address, 8), ACL_ERROR_RT_PARAM_INVALID);
  void* buffer = nullptr;
  EXPECT_EQ(aclrtKernelArgsGetPlaceHolderBuffer(list, param, 8, &buffer),
            ACL_ERROR_RT_PARAM_INVALID)
      << "no placeholder";
  EXPECT_OK(aclrtKernelArgsParaUpdate(list, param, &address, sizeof(address)));
}

TEST_F(BinaryTest, PlaceholdersHaveRoomOnceAllIsAppended) {
  aclrtArgsHandle list = ListFor(Kernel("scale"));
  int* values = nullptr;
  int offset = 0;
  aclrtParamHandle param = nullptr;
  aclrtParamHandle placeholder = nullptr;
  ASSERT_OK(aclrtKernelArgsAppend(list, &values, sizeof(values), &param));
  ASSERT_OK(aclrtKernelArgsAppendPlaceHolder(list, &placeholder));
  void* buffer = nullptr;
  EXPECT_EQ(aclrtKernelArgsGetPlaceHolderBuffer(list, placeholder, 8, &buffer),
            ACL_ERROR_RT_PARAM_INVALID)
      << "a parameter is missing";
  ASSERT_OK(aclrtKernelArgsAppend(list, &offset, sizeof(offset), &param));
  EXPECT_EQ(aclrtKernelArgsGetPlaceHolderBuffer(list, placeholder, 1 << 20, &buffer),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtKernelArgsParaUpdate(list, placeholder, &values, 8), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_OK(aclrtKernelArgsGetPlaceHolderBuffer(list, placeholder, 8, &buffer));
}

TEST_F(BinaryTest, ListsInTheProgramsMemory) {
  aclrtFuncHandle kernel = Kernel("increment");
  size_t handle_bytes = 0;
  ASSERT_OK(aclrtKernelArgsGetHandleMemSize(kernel, &handle_bytes));
  std::vector<uint64_t> handle(handle_bytes / sizeof(uint64_t) + 2);
  std::vector<uint64_t> memory(16);
  auto* const bytes = reinterpret_cast<char*>(handle.data());
  EXPECT_EQ(aclrtKernelArgsInitByUserMem(kernel, bytes + 1, memory.data(), 128),
            ACL_ERROR_RT_ADDR_UNALIGNED);
  EXPECT_EQ(aclrtKernelArgsInitByUserMem(kernel, bytes, memory.data(), 4),
            ACL_ERROR_RT_PARAM_INVALID);
  aclrtParamHandle param = nullptr;
  int* address = nullptr;
  EXPECT_EQ(aclrtKernelArgsAppend(bytes, &address, sizeof(address), &param),
            ACL_ERROR_RT_INVALID_HANDLE)
      << "nothing was made there";
  EXPECT_OK(aclrtKernelArgsInitByUserMem(kernel, bytes, memory.data(), 128));
  EXPECT_OK(aclrtKernelArgsAppend(bytes, &address, sizeof(address), &param));
}

}  // namespace
}  // namespace vnpu::test
