// Models as JSON, and the pictures that vnpu-ctl draws of them.
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "tests/acl/graph_support.h"

namespace vnpu::test {
namespace {

using Json = nlohmann::json;

class GraphPrintTest : public GraphTest {
 protected:
  void SetUp() override {
    GraphTest::SetUp();
    folder_ = std::filesystem::temp_directory_path() / ("graph-print-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
    ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
    const aclrtEvent event = MakeEvent();
    ASSERT_OK(Affine(value_->get(), 10, 0x1234, stream_));
    ASSERT_OK(aclrtRecordEvent(event, stream_));
    ASSERT_OK(aclrtStreamWaitEvent(other_, event));
    ASSERT_OK(aclrtMemsetAsync(value_->get(), 8, 0, 8, other_));
    ASSERT_OK(aclrtRecordEvent(event, other_));
    ASSERT_OK(aclrtStreamWaitEvent(stream_, event));
    model_ = EndCapture(stream_);
    ASSERT_OK(aclmdlRISetName(model_, "pretty"));
  }
  void TearDown() override {
    std::filesystem::remove_all(folder_);
    GraphTest::TearDown();
  }

  std::string File(const char* name) const { return folder_ / name; }
  Json Print(uint32_t flags) {
    EXPECT_OK(aclmdlRIDebugJsonPrint(model_, File("model.json").c_str(), flags));
    Json json;
    std::ifstream(File("model.json")) >> json;
    return json;
  }
  // Runs vnpu-ctl graph; its exit code.
  int Draw(const std::string& path, const std::string& arguments) {
    const std::string command =
        "PATH='" + path + "' " VNPU_TEST_CTL " graph " + arguments + " 2> " + File("errors");
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string Text(const char* name) const {
    const std::vector<char> bytes = ReadFile(File(name));
    return {bytes.begin(), bytes.end()};
  }

  std::filesystem::path folder_;
  aclmdlRI model_ = nullptr;
};

TEST_F(GraphPrintTest, JsonHasStreamsTasksAndTheirOrder) {
  const Json json = Print(ACL_MDLRI_DEBUG_JSON_PRINT_SUMMARY);
  const Json& model = json["models"][0];
  uint32_t id = 0;
  ASSERT_OK(aclmdlRIGetId(model_, &id));
  EXPECT_EQ(model["id"], id);
  EXPECT_EQ(model["name"], "pretty");
  EXPECT_EQ(model["device"], 0);
  ASSERT_EQ(model["streams"].size(), 2U);
  const Json& first = model["streams"][0]["tasks"];
  const Json& second = model["streams"][1]["tasks"];
  ASSERT_EQ(first.size(), 3U);
  ASSERT_EQ(second.size(), 3U);
  EXPECT_EQ(first[0]["kernel"], "affine");
  EXPECT_EQ(first[0]["after"], Json::array());
  EXPECT_FALSE(first[0].contains("args"));
  EXPECT_EQ(first[1]["type"], "event record");
  EXPECT_EQ(second[0]["type"], "event wait");
  EXPECT_EQ(second[0]["after"], Json::array({1}));
  EXPECT_EQ(second[1]["type"], "memset");
  EXPECT_EQ(second[1]["after"], Json::array({2}));
  EXPECT_EQ(first[2]["after"], Json::array({1, 4}));
  // For chrome://tracing: each task, and an arrow for each wait.
  size_t tasks = 0;
  size_t arrows = 0;
  for (const Json& event : json["traceEvents"]) {
    tasks += event["ph"] == "X" ? 1 : 0;
    arrows += event["ph"] == "s" ? 1 : 0;
  }
  EXPECT_EQ(tasks, 6U);
  EXPECT_EQ(arrows, 2U);
}

TEST_F(GraphPrintTest, VerboseJsonHasArguments) {
  const Json task =
      Print(ACL_MDLRI_DEBUG_JSON_PRINT_VERBOSE)["models"][0]["streams"][0]["tasks"][0];
  EXPECT_EQ(task["argsSize"], 24);
  const auto args = task["args"].get<std::string>();
  EXPECT_EQ(args.substr(16),
            "0a00000000000000"
            "3412000000000000");
}

TEST_F(GraphPrintTest, ConditionsNameTheirBodies) {
  model_ = BeginCapture(kGlobal);
  ASSERT_NE(model_, nullptr);
  aclmdlRICondHandle condition = nullptr;
  ASSERT_OK(
      aclmdlRICondHandleCreate(model_, 0, ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT, &condition));
  aclmdlRI bodies[2] = {};
  ASSERT_OK(aclmdlRIAddCondTask({.handle = condition,
                                 .type = ACL_MODEL_RI_COND_TYPE_SWITCH,
                                 .size = 2,
                                 .modelRIArray = bodies},
                                stream_, 0));
  EndCapture(stream_);
  const Json json = Print(0);
  ASSERT_EQ(json["models"].size(), 3U);
  const Json& task = json["models"][0]["streams"][0]["tasks"][0];
  EXPECT_EQ(task["condition"], "switch");
  EXPECT_EQ(task["bodies"], Json::array({json["models"][1]["id"], json["models"][2]["id"]}));
}

class ExtendInfoTest : public GraphPrintTest {
 protected:
  static aclError Describe(const std::string& text) {
    return aclrtCacheLastTaskExtendInfo(text.data(), text.size());
  }
  Json FirstTasks() { return Print(0)["models"][0]["streams"][0]["tasks"]; }
};

TEST_F(ExtendInfoTest, IsWrittenWithItsTask) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  ASSERT_OK(Describe("lost"));
  ASSERT_OK(Describe(R"({"op": "first", "shape": [2, 3]})"));
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  ASSERT_OK(Describe("no JSON \xff"));
  model_ = EndCapture(stream_);
  const Json tasks = FirstTasks();
  EXPECT_EQ(tasks[0]["extendInfo"]["op"], "first");
  EXPECT_EQ(tasks[0]["extendInfo"]["shape"], Json::array({2, 3}));
  EXPECT_FALSE(tasks[1].contains("extendInfo"));
  EXPECT_EQ(tasks[2]["extendInfo"], "no JSON \xef\xbf\xbd");
  size_t found = 0;
  const Json all = Print(0);
  for (const Json& event : all["traceEvents"]) {
    found += event["ph"] == "X" && event["args"].contains("extendInfo") ? 1 : 0;
  }
  EXPECT_EQ(found, 2U);
}

TEST_F(ExtendInfoTest, IsForTheLastTaskAlsoBehindAWait) {
  const aclrtEvent event = MakeEvent();
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));
  ASSERT_OK(Affine(value_->get(), 1, 1, other_));
  ASSERT_OK(Describe("1"));
  ASSERT_OK(Affine(value_->get(), 1, 1, other_));
  ASSERT_OK(Describe("2"));
  ASSERT_OK(aclrtRecordEvent(event, other_));
  ASSERT_OK(aclrtStreamWaitEvent(stream_, event));
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  ASSERT_OK(Describe("3"));
  model_ = EndCapture(stream_);
  const Json streams = Print(0)["models"][0]["streams"];
  EXPECT_EQ(streams[1]["tasks"][1]["extendInfo"], 1);
  EXPECT_EQ(streams[1]["tasks"][2]["extendInfo"], 2);
  EXPECT_EQ(streams[0]["tasks"].back()["extendInfo"], 3);
}

TEST_F(ExtendInfoTest, IsNotForTheTasksOfTheNextCapture) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  ASSERT_OK(aclmdlRIDestroy(EndCapture(stream_)));
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  // The calling thread's last task is still that of the first.
  std::thread([this] {
    EXPECT_OK(aclrtSetDevice(0));
    EXPECT_OK(Affine(value_->get(), 1, 1, stream_));
    EXPECT_OK(aclrtResetDevice(0));
  }).join();
  EXPECT_EQ(Describe("1"), ACL_ERROR_RT_STREAM_NOT_CAPTURED);
  model_ = EndCapture(stream_);
  EXPECT_FALSE(FirstTasks()[0].contains("extendInfo"));
}

TEST_F(ExtendInfoTest, HasFourKilobytesAtMost) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  EXPECT_EQ(aclrtCacheLastTaskExtendInfo("x", 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCacheLastTaskExtendInfo(nullptr, 1), ACL_ERROR_INVALID_PARAM);
  ASSERT_OK(Describe(std::string(4096, 'a') + std::string(4096, 'b')));
  model_ = EndCapture(stream_);
  EXPECT_EQ(FirstTasks()[0]["extendInfo"], std::string(4096, 'a'));
}

TEST_F(ExtendInfoTest, IsForTasksOfModelsThatAreMade) {
  EXPECT_EQ(Describe("1"), ACL_ERROR_RT_STREAM_NOT_CAPTURED) << "the capture is over";
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  EXPECT_EQ(Describe("1"), ACL_ERROR_RT_STREAM_NOT_CAPTURED);
  const aclrtStream head = MakePersistent();
  ASSERT_OK(aclmdlRIBuildBegin(&model_, 0));
  ASSERT_OK(aclmdlRIBindStream(model_, head, kHeadStream));
  ASSERT_OK(Affine(value_->get(), 1, 1, head));
  ASSERT_OK(Describe("2"));
  ASSERT_OK(Affine(value_->get(), 1, 1, other_));
  EXPECT_EQ(Describe("3"), ACL_ERROR_RT_STREAM_NOT_CAPTURED);
  ASSERT_OK(aclmdlRIEndTask(model_, head));
  ASSERT_OK(Describe("4"));
  ASSERT_OK(aclmdlRIBuildEnd(model_, nullptr));
  EXPECT_EQ(Describe("5"), ACL_ERROR_RT_STREAM_NOT_CAPTURED) << "the model is built";
  const Json tasks = FirstTasks();
  EXPECT_EQ(tasks[0]["extendInfo"], 2);
  EXPECT_EQ(tasks[1]["extendInfo"], 4);
}

TEST_F(GraphPrintTest, BadCallsAreRefused) {
  EXPECT_EQ(aclmdlRIDebugJsonPrint(model_, nullptr, 0), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclmdlRIDebugJsonPrint(model_, File("x").c_str(), 2), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRIDebugJsonPrint(model_, "/nowhere/model.json", 0), ACL_ERROR_RT_FILE_OPEN);
  EXPECT_EQ(aclmdlRIDebugJsonPrint(nullptr, File("x").c_str(), 0), ACL_ERROR_INVALID_PARAM);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  EXPECT_OK(aclmdlRIDebugPrint(model_));
#pragma GCC diagnostic pop
}

TEST_F(GraphPrintTest, VnpuCtlHandsThePictureToDot) {
  Print(0);
  // In the place of graphviz: keeps what it is given.
  std::ofstream(File("dot")) << "#!/bin/sh\n[ \"$1 $2\" = '-Tsvg -o' ] && /bin/cat > \"$3\"\n";
  chmod(File("dot").c_str(), 0755);
  EXPECT_EQ(Draw(folder_, File("model.json") + " -o " + File("model.svg")), 0) << Text("errors");
  const std::string dot = Text("model.svg");
  for (const char* part : {"digraph", "pretty", "stream 1", "0: affine x 1", "3: memset"}) {
    EXPECT_NE(dot.find(part), std::string::npos) << part << "\n" << dot;
  }
}

TEST_F(GraphPrintTest, VnpuCtlSaysWhatItLacks) {
  Print(0);
  EXPECT_NE(Draw("/nowhere", File("model.json")), 0);
  EXPECT_NE(Text("errors").find("install graphviz"), std::string::npos) << Text("errors");
  EXPECT_NE(Draw("/nowhere", File("none.json")), 0);
  EXPECT_NE(Text("errors").find("cannot read"), std::string::npos) << Text("errors");
  std::ofstream(File("bad.json")) << "{\"models\": 3}";
  EXPECT_NE(Draw("/nowhere", File("bad.json")), 0);
  EXPECT_NE(Text("errors").find("aclmdlRIDebugJsonPrint"), std::string::npos) << Text("errors");
}

}  // namespace
}  // namespace vnpu::test
