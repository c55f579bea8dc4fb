// AI CPU operators: images with descriptions, images whose operators are registered.
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class CpuKernelTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    std::string folder = std::filesystem::temp_directory_path() / "vnpu-cpu-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override {
    std::filesystem::remove_all(folder_);
    KernelTest::TearDown();
  }

  aclError LoadData(int32_t mode, aclrtBinHandle* binary) {
    const std::vector<char> image = ReadFile(VNPU_TEST_KERNELS);
    aclrtBinaryLoadOption option = Mode(mode);
    aclrtBinaryLoadOptions options{.options = &option, .numOpt = 1};
    return aclrtBinaryLoadFromData(image.data(), image.size(), &options, binary);
  }
  aclError LoadFile(const std::string& name, int32_t mode, aclrtBinHandle* binary) {
    aclrtBinaryLoadOption option = Mode(mode);
    aclrtBinaryLoadOptions options{.options = &option, .numOpt = 1};
    return aclrtBinaryLoadFromFile((folder_ / name).c_str(), &options, binary);
  }
  void Describe(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }

  // Runs the operator that sums, and looks at the sum.
  void ExpectSums(aclrtFuncHandle sum) {
    DeviceArray<int> values(100);
    DeviceArray<int64_t> out(1);
    std::vector<int> numbers(100);
    std::iota(numbers.begin(), numbers.end(), 1);
    values.Write(numbers);
    struct {
      const int* values;
      int64_t* sum;
      uint32_t count;
    } args{.values = values.get(), .sum = out.get(), .count = 100};
    ASSERT_OK(
        aclrtLaunchKernelWithHostArgs(sum, 1, stream_, nullptr, &args, sizeof(args), nullptr, 0));
    ASSERT_OK(aclrtSynchronizeStream(stream_));
    EXPECT_EQ(out.Read()[0], 5050);
  }

  std::filesystem::path folder_;

 private:
  static aclrtBinaryLoadOption Mode(int32_t mode) {
    aclrtBinaryLoadOption option{};
    option.type = ACL_RT_BINARY_LOAD_OPT_CPU_KERNEL_MODE;
    option.value.cpuKernelMode = mode;
    return option;
  }
};

TEST_F(CpuKernelTest, RegisteredOperatorsRun) {
  aclrtBinHandle binary = nullptr;
  ASSERT_OK(LoadData(2, &binary));
  aclrtFuncHandle sum = nullptr;
  ASSERT_OK(aclrtRegisterCpuFunc(binary, "cpu_sum", "ReduceSum", &sum));
  char name[16] = {};
  ASSERT_OK(aclrtGetFunctionName(sum, sizeof(name), name));
  EXPECT_STREQ(name, "ReduceSum");
  int64_t type = 0;
  ASSERT_OK(aclrtGetFunctionAttribute(sum, ACL_FUNC_ATTR_KERNEL_TYPE, &type));
  EXPECT_EQ(type, ACL_KERNEL_TYPE_AICPU);
  ExpectSums(sum);
  aclrtFuncHandle again = nullptr;
  ASSERT_OK(aclrtRegisterCpuFunc(binary, "cpu_sum", "ReduceSum", &again));
  EXPECT_EQ(again, sum);
  ASSERT_OK(aclrtBinaryGetFunction(binary, "ReduceSum", &again));
  EXPECT_EQ(again, sum);
}

TEST_F(CpuKernelTest, RegistrationIsChecked) {
  aclrtBinHandle binary = nullptr;
  ASSERT_OK(LoadData(2, &binary));
  aclrtFuncHandle function = nullptr;
  // Only for the AI CPU, and only in images loaded for it.
  EXPECT_EQ(aclrtRegisterCpuFunc(binary, "axpy", "Axpy", &function), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtRegisterCpuFunc(binary_, "cpu_sum", "Sum", &function), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtRegisterCpuFunc(binary, "no_such", "Sum", &function),
            ACL_ERROR_RT_INVALID_DEVICE_FUNCTION);
  EXPECT_EQ(aclrtRegisterCpuFunc(binary, nullptr, "Sum", &function), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtRegisterCpuFunc(binary, "cpu_sum", nullptr, &function), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtRegisterCpuFunc(nullptr, "cpu_sum", "Sum", &function), ACL_ERROR_INVALID_PARAM);
  ASSERT_OK(aclrtRegisterCpuFunc(binary, "cpu_sum", "Sum", &function));
  EXPECT_EQ(aclrtRegisterCpuFunc(binary, "cpu_fail", "Sum", &function), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(CpuKernelTest, DescribedOperatorsRun) {
  std::filesystem::copy_file(VNPU_TEST_KERNELS, folder_ / "ops.so");
  Describe("ops.json", R"({"ReduceSum": {"opInfo": {"functionName": "cpu_sum"}},
                           "cpu_fail": {"opInfo": {"engine": "DNN_VM_AICPU"}}})");
  aclrtBinHandle binary = nullptr;
  ASSERT_OK(LoadFile("ops.json", 1, &binary));
  aclrtFuncHandle sum = nullptr;
  ASSERT_OK(aclrtBinaryGetFunction(binary, "ReduceSum", &sum));
  ExpectSums(sum);
  aclrtFuncHandle other = nullptr;
  EXPECT_OK(aclrtBinaryGetFunction(binary, "cpu_fail", &other));
  EXPECT_EQ(aclrtBinaryGetFunction(binary, "cpu_sum", &other),
            ACL_ERROR_RT_INVALID_DEVICE_FUNCTION);  // not an operator's name
}

TEST_F(CpuKernelTest, TheLibraryMayHaveAnotherName) {
  std::filesystem::copy_file(VNPU_TEST_KERNELS, folder_ / "libcust.so");
  Describe("ops.json", R"({"ReduceSum": {"opInfo": {"functionName": "cpu_sum",
                                                    "kernelSo": "libcust.so"}}})");
  aclrtBinHandle binary = nullptr;
  ASSERT_OK(LoadFile("ops.json", 1, &binary));
  aclrtFuncHandle sum = nullptr;
  ASSERT_OK(aclrtBinaryGetFunction(binary, "ReduceSum", &sum));
  ExpectSums(sum);
}

TEST_F(CpuKernelTest, LoadingIsChecked) {
  aclrtBinHandle binary = nullptr;
  Describe("broken.json", "{");
  Describe("empty.json", "{}");
  Describe("flat.json", R"({"ReduceSum": 3})");
  Describe("alone.json", R"({"ReduceSum": {"opInfo": {}}})");
  EXPECT_EQ(LoadFile("broken.json", 1, &binary), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(LoadFile("empty.json", 1, &binary), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(LoadFile("flat.json", 1, &binary), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(LoadFile("alone.json", 1, &binary), ACL_ERROR_RT_FILE_OPEN);  // no library
  EXPECT_EQ(LoadFile("none.json", 1, &binary), ACL_ERROR_RT_FILE_OPEN);
  EXPECT_EQ(LoadFile("alone.json", 0, &binary), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(LoadFile("alone.json", 2, &binary), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(LoadFile("alone.json", 3, &binary), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(LoadData(1, &binary), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(CpuKernelTest, FailuresAreThoseOfTheAiCpu) {
  ASSERT_OK(Launch("cpu_fail", 1, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICPU_EXCEPTION);
  ASSERT_OK(Launch("nothing", 1, stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
}

}  // namespace
}  // namespace vnpu::test
