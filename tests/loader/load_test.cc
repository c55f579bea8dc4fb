// A good image, run in this process.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "tests/loader/image_editor.h"
#include "tests/loader/loaded_image.h"

namespace vnpu::firmware {
namespace {

using testing::RunningImage;

class LoadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string error;
    image_ = RunningImage::Make(testing::ImageEditor().image(), &error);
    ASSERT_NE(image_, nullptr) << error;
  }

  template <typename Args>
  void Run(const char* name, const Args& args, std::uint32_t blocks = 1) {
    const Kernel* kernel = image_->Find(name);
    ASSERT_NE(kernel, nullptr) << name;
    ASSERT_EQ(kernel->args_size, sizeof(Args)) << name;
    image_->Run(*kernel, &args, blocks);
  }

  std::unique_ptr<RunningImage> image_;
};

TEST_F(LoadTest, ListsTheKernelsInTheOrderOfTheSource) {
  std::vector<std::string> names;
  for (const Kernel& kernel : image_->loaded().kernels) names.push_back(kernel.name);
  const std::vector<std::string> expected = {
      "axpy", "all_types", "wide",          "no_arguments",  "use_globals", "shapes",
      "math", "mixed",     "outer::on_cpu", "outer::hidden", "local"};
  EXPECT_EQ(names, expected);
}

TEST_F(LoadTest, KnowsTheCoreOfEachKernel) {
  EXPECT_EQ(image_->Find("axpy")->core_type, VNPU_UNIT_AI_CORE);
  EXPECT_EQ(image_->Find("all_types")->core_type, VNPU_UNIT_VECTOR_CORE);
  EXPECT_EQ(image_->Find("outer::on_cpu")->core_type, VNPU_UNIT_AI_CPU);
  EXPECT_EQ(image_->Find("outer::hidden")->core_type, VNPU_UNIT_AI_CORE);
  const Kernel* mixed = image_->Find("mixed");
  EXPECT_EQ(mixed->core_type, VNPU_UNIT_MIX);
  EXPECT_EQ(mixed->cube_ratio, 1);
  EXPECT_EQ(mixed->vector_ratio, 2);
}

TEST_F(LoadTest, LaysArgumentsOutAsAStructure) {
  struct Mixed {
    char tag;
    double value;
    std::int16_t rest[3];
  };
  struct Args {
    char c;
    std::int16_t s;
    int i;
    long l;
    float f;
    double d;
    bool b;
    Mixed m;
    double* out;
  };
  const Kernel* kernel = image_->Find("all_types");
  ASSERT_EQ(kernel->params.size(), 9U);
  EXPECT_EQ(kernel->params[1].offset, offsetof(Args, s));
  EXPECT_EQ(kernel->params[5].offset, offsetof(Args, d));
  EXPECT_EQ(kernel->params[7].offset, offsetof(Args, m));
  EXPECT_EQ(kernel->params[7].size, sizeof(Mixed));
  EXPECT_EQ(kernel->args_align, alignof(Args));
  double out = 0;
  Run("all_types", Args{1, 2, 3, 4, 5.5F, 6.25, true, Mixed{10, 0.125, {100, 0, 1000}}, &out});
  EXPECT_DOUBLE_EQ(out, 1 + 2 + 3 + 4 + 5.5 + 6.25 + 1 + 10 + 0.125 + 100 + 1000);
}

TEST_F(LoadTest, TakesArgumentsFromAnyAddress) {
  struct alignas(64) Args {
    char first;
    alignas(64) int lane[16];
    int* out;
  };
  int out = 0;
  Args args{1, {}, &out};
  for (int i = 0; i < 16; ++i) args.lane[i] = i;
  const Kernel* kernel = image_->Find("wide");
  ASSERT_EQ(kernel->args_size, sizeof(Args));
  EXPECT_EQ(kernel->args_align, 64U);
  std::vector<char> buffer(sizeof(Args) + 1);
  std::memcpy(buffer.data() + 1, &args, sizeof(args));
  image_->Run(*kernel, buffer.data() + 1, 1);
  EXPECT_EQ(out, 121);
}

TEST_F(LoadTest, BlocksKnowTheirIndex) {
  struct Args {
    std::uint32_t* out;
  };
  std::vector<std::uint32_t> out(5);
  Run("local", Args{out.data()}, 5);
  for (std::uint32_t i = 0; i < 5; ++i) EXPECT_EQ(out[i], 500 + i);
}

TEST_F(LoadTest, BlocksShareTheWork) {
  struct Args {
    float* y;
    const float* x;
    float a;
    std::uint32_t count;
  };
  std::vector<float> y(1000, 1.0F);
  std::vector<float> x(1000, 2.0F);
  Run("axpy", Args{y.data(), x.data(), 3.0F, 1000}, 7);
  for (const float value : y) ASSERT_EQ(value, 7.0F);
}

TEST_F(LoadTest, RelocatesVariablesAndTables) {
  struct Args {
    float* out;
  };
  float out = 0;
  Run("use_globals", Args{&out});
  EXPECT_FLOAT_EQ(out, 2.5F * 3 + 5);
  struct ShapeArgs {
    float* out;
    float size;
    int which;
  };
  Run("shapes", ShapeArgs{&out, 2.0F, 0});
  EXPECT_FLOAT_EQ(out, 4.0F);
  Run("shapes", ShapeArgs{&out, 2.0F, 1});
  EXPECT_FLOAT_EQ(out, 12.0F);
}

TEST_F(LoadTest, ZeroesAndSharesVariables) {
  const Global* counters = image_->FindGlobal("counters");
  ASSERT_NE(counters, nullptr);
  ASSERT_EQ(counters->size, 16 * sizeof(int));
  const auto* values = reinterpret_cast<const int*>(counters->address);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(values[i], 0);
  const char none = 0;
  image_->Run(*image_->Find("no_arguments"), &none, 20);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(values[i], i < 4 ? 2 : 1);
}

TEST_F(LoadTest, ListsTheVariablesThatKernelsUse) {
  EXPECT_NE(image_->FindGlobal("gain"), nullptr);
  EXPECT_NE(image_->FindGlobal("outer::inner::scale"), nullptr);
  EXPECT_EQ(image_->FindGlobal("host_only"), nullptr);
  EXPECT_EQ(*reinterpret_cast<const float*>(image_->FindGlobal("gain")->address), 2.5F);
}

TEST_F(LoadTest, CallsTheMathLibrary) {
  struct Args {
    double* out;
    double x;
  };
  std::vector<double> out(16);
  const double x = 0.75;
  Run("math", Args{out.data(), x});
  EXPECT_DOUBLE_EQ(out[0], std::exp(x));
  EXPECT_DOUBLE_EQ(out[1], std::pow(x, 3.5));
  EXPECT_DOUBLE_EQ(out[2], std::erf(x));
  EXPECT_DOUBLE_EQ(out[3], std::atan2(x, 2.0));
  EXPECT_DOUBLE_EQ(out[4], std::fmod(x, 0.3));
  const auto* single = reinterpret_cast<const float*>(out.data() + 8);
  EXPECT_FLOAT_EQ(single[0], std::tanh(0.75F));
  EXPECT_FLOAT_EQ(single[1], std::log(0.75F));
  EXPECT_FLOAT_EQ(single[2], std::sin(0.75F) + std::cos(0.75F));
}

TEST_F(LoadTest, RunsTheOtherCores) {
  struct Args {
    int* out;
  };
  int out[2] = {};
  Run("mixed", Args{out});
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[1], 2);
  Run("outer::on_cpu", Args{out});
  EXPECT_EQ(out[0], 7);
  struct ClockArgs {
    int* out;
    std::int64_t* clock;
  };
  std::int64_t clock = 0;
  Run("outer::hidden", ClockArgs{out, &clock});
  EXPECT_EQ(out[0], 11);
  EXPECT_GT(clock, 0);
}

TEST_F(LoadTest, KnowsTheSizeOfTheCode) {
  for (const Kernel& kernel : image_->loaded().kernels) EXPECT_GT(kernel.code_size, 0U);
}

using LoadDeathTest = LoadTest;

TEST_F(LoadDeathTest, ConstantsAndCodeAreReadOnly) {
  const Kernel* kernel = image_->Find("axpy");
  EXPECT_DEATH(*reinterpret_cast<volatile char*>(kernel->thunk) = 0, "");
  EXPECT_DEATH(*reinterpret_cast<volatile char*>(image_->base()) = 0, "");
}

}  // namespace
}  // namespace vnpu::firmware
