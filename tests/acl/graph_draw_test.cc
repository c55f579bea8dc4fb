// Pictures of models by graphviz, where it is installed.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/acl/graph_support.h"

namespace vnpu::test {
namespace {

class GraphDrawTest : public GraphTest {
 protected:
  void SetUp() override {
    if (std::system("dot -V > /dev/null 2>&1") != 0) {
      GTEST_SKIP() << "graphviz is not installed";
    }
    GraphTest::SetUp();
    const char* const keep = std::getenv("VNPU_TEST_PICTURES");
    keep_ = keep != nullptr;
    folder_ =
        keep_ ? std::filesystem::path(keep)
              : std::filesystem::temp_directory_path() / ("graph-draw-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    if (!keep_ && !folder_.empty()) {
      std::filesystem::remove_all(folder_);
    }
    GraphTest::TearDown();
  }

  // The picture of the model.
  std::string Draw(aclmdlRI model, const std::string& name) {
    const std::string json = folder_ / (name + ".json");
    const std::string svg = folder_ / (name + ".svg");
    EXPECT_OK(aclmdlRIDebugJsonPrint(model, json.c_str(), 0));
    const int status = std::system((VNPU_TEST_CTL " graph " + json + " -o " + svg).c_str());
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    const std::vector<char> bytes = ReadFile(svg);
    return {bytes.begin(), bytes.end()};
  }
  static void ExpectParts(const std::string& svg, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) {
      EXPECT_NE(svg.find(part), std::string::npos) << part << " in\n" << svg;
    }
  }

  std::vector<aclmdlRI> AddCondition(aclmdlRI model, aclmdlRICondTaskType type, uint32_t bodies,
                                     aclrtStream stream) {
    aclmdlRICondHandle handle = nullptr;
    EXPECT_OK(aclmdlRICondHandleCreate(model, 1, ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT, &handle));
    std::vector<aclmdlRI> models(bodies);
    EXPECT_OK(aclmdlRIAddCondTask(
        {.handle = handle, .type = type, .size = bodies, .modelRIArray = models.data()}, stream,
        0));
    return models;
  }
  template <class Fill>
  void Body(aclmdlRI body, Fill&& fill) {
    aclrtStream stream = nullptr;
    ASSERT_OK(aclrtCreateStream(&stream));
    ASSERT_OK(aclmdlRICaptureToModelRIBegin(stream, body, kThreadLocal));
    fill(stream);
    aclmdlRI same = nullptr;
    ASSERT_OK(aclmdlRICaptureEnd(stream, &same));
  }

  bool keep_ = false;
  std::filesystem::path folder_;
};

TEST_F(GraphDrawTest, ALineWhoseEqualTasksAreOne) {
  BeginCapture(kThreadLocal);
  ASSERT_OK(aclrtMemsetAsync(value_->get(), 8, 0, 8, stream_));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  }
  ASSERT_OK(Launch("nothing", 4, stream_));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(aclmdlRISetName(model, "a \"line\" <&>"));
  const std::string svg = Draw(model, "line");
  ExpectParts(svg, {"</svg>", "0: memset", "affine", "1000 tasks", "1001: nothing"});
  EXPECT_LT(svg.size(), 10'000u);
}

TEST_F(GraphDrawTest, Branches) {
  constexpr int kBranches = 3;
  const aclrtEvent fork = MakeEvent();
  BeginCapture(kThreadLocal);
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  ASSERT_OK(aclrtRecordEvent(fork, stream_));
  for (int i = 0; i < kBranches; ++i) {
    aclrtStream branch = nullptr;
    const aclrtEvent join = MakeEvent();
    ASSERT_OK(aclrtCreateStream(&branch));
    ASSERT_OK(aclrtStreamWaitEvent(branch, fork));
    for (int node = 0; node <= i; ++node) {
      ASSERT_OK(Affine(value_->get() + i, 1, node, branch));
    }
    ASSERT_OK(aclrtRecordEvent(join, branch));
    ASSERT_OK(aclrtStreamWaitEvent(stream_, join));
  }
  ASSERT_OK(aclrtMemsetAsync(value_->get(), 8, 0, 8, stream_));
  const aclmdlRI model = EndCapture(stream_);
  ExpectParts(Draw(model, "branches"), {"</svg>", "stream 3", "memset"});
}

TEST_F(GraphDrawTest, ConditionsWithTheirBodies) {
  const aclmdlRI model = BeginCapture(kThreadLocal);
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  const auto either = AddCondition(model, ACL_MODEL_RI_COND_TYPE_IF, 2, stream_);
  const auto loop = AddCondition(model, ACL_MODEL_RI_COND_TYPE_WHILE, 1, stream_);
  ASSERT_OK(Affine(value_->get(), 1, 2, stream_));
  for (const aclmdlRI body : either) {
    Body(body, [&](aclrtStream stream) {
      ASSERT_OK(Affine(value_->get(), 2, 0, stream));
      ASSERT_OK(aclrtMemsetAsync(value_->get(), 8, 0, 8, stream));
    });
  }
  Body(loop[0], [&](aclrtStream stream) {
    ASSERT_OK(Affine(value_->get(), 3, 0, stream));
    for (const aclmdlRI body : AddCondition(loop[0], ACL_MODEL_RI_COND_TYPE_SWITCH, 2, stream)) {
      aclrtStream inner = nullptr;
      ASSERT_OK(aclrtCreateStream(&inner));
      ASSERT_OK(aclmdlRICaptureToModelRIBegin(inner, body, kThreadLocal));
      ASSERT_OK(Affine(value_->get(), 4, 0, inner));
      aclmdlRI same = nullptr;
      ASSERT_OK(aclmdlRICaptureEnd(inner, &same));
    }
  });
  EndCapture(stream_);
  ExpectParts(Draw(model, "conditions"), {"</svg>", "while", "switch", "body", "else"});
}

TEST_F(GraphDrawTest, LabelsStreamsHostFunctionsAndModelsInside) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(Launch("nothing", 1, stream_));
  std::function<void()> nothing = [] {};
  ASSERT_OK(aclrtLaunchHostFunc(stream_, &CallFunction, &nothing));
  const aclmdlRI inner = EndCapture(stream_);
  ASSERT_OK(aclmdlRISetName(inner, "inner"));
  const DeviceArray<uint32_t> index(1);
  aclrtLabel labels[2] = {};
  ASSERT_OK(aclrtCreateLabel(&labels[0]));
  ASSERT_OK(aclrtCreateLabel(&labels[1]));
  aclrtLabelList list = nullptr;
  ASSERT_OK(aclrtCreateLabelList(labels, 2, &list));
  const aclrtStream head = MakePersistent();
  const aclrtStream second = MakePersistent();
  aclmdlRI model = nullptr;
  ASSERT_OK(aclmdlRIBuildBegin(&model, 0));
  ASSERT_OK(aclmdlRIBindStream(model, head, kHeadStream));
  ASSERT_OK(aclmdlRIBindStream(model, second, kOtherStream));
  ASSERT_OK(aclrtSetLabel(labels[0], head));
  ASSERT_OK(aclmdlRIExecuteAsync(inner, head));
  ASSERT_OK(aclrtActiveStream(second, head));
  ASSERT_OK(aclrtSwitchLabelByIndex(index.get(), 2, list, head));
  ASSERT_OK(aclrtSetLabel(labels[1], head));
  ASSERT_OK(aclmdlRIEndTask(model, head));
  ASSERT_OK(Affine(value_->get(), 1, 1, second));
  ASSERT_OK(aclmdlRIEndTask(model, second));
  ASSERT_OK(aclmdlRIBuildEnd(model, nullptr));
  ExpectParts(Draw(model, "labels"),
              {"</svg>", "switch by index", "host function", "inner", "active stream"});
}

}  // namespace
}  // namespace vnpu::test
