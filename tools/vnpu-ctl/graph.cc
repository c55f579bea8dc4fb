#include "tools/vnpu-ctl/graph.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

extern char** environ;

namespace vnpu::tools {
namespace {

using Json = nlohmann::json;

// A text for dot, in quotes.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  return quoted + '"';
}

std::string NodeName(uint64_t model, uint64_t task) {
  return "m" + std::to_string(model) + "_" + std::to_string(task);
}

std::string Label(const Json& task) {
  const std::string type = task.value("type", "task");
  std::string label = std::to_string(task.at("id").get<uint64_t>()) + ": ";
  if (type == "kernel") {
    label +=
        task.value("kernel", "kernel") + " x " + std::to_string(task.value("blocks", uint64_t{1}));
  } else {
    label += type == "condition" ? task.value("condition", type) : type;
  }
  return label;
}

const char* Style(const Json& task) {
  const std::string type = task.value("type", "task");
  if (task.value("disabled", false)) {
    return "style=dashed";
  }
  if (type == "kernel") {
    return "style=filled fillcolor=\"#cfe2f3\"";
  }
  if (type == "condition" || type.starts_with("switch") || type == "active stream") {
    return "shape=diamond style=filled fillcolor=\"#fff2cc\"";
  }
  return type.find("event") != std::string::npos ? "shape=ellipse fontsize=9" : "";
}

// One model as a cluster, a stream as a cluster in it.
void WriteModel(const Json& model, std::string* dot) {
  const auto id = model.at("id").get<uint64_t>();
  const std::string name = model.value("name", "");
  *dot += "subgraph cluster_" + std::to_string(id) +
          " {\nlabel=" + Quoted("model " + std::to_string(id) + (name.empty() ? "" : " " + name)) +
          "\n";
  *dot += "start_" + std::to_string(id) + " [shape=point]\n";
  std::string edges;
  for (const Json& stream : model.at("streams")) {
    const auto number = stream.at("id").get<uint64_t>();
    *dot += "subgraph cluster_" + std::to_string(id) + "_" + std::to_string(number) +
            " {\nlabel=" + Quoted("stream " + std::to_string(number)) + " color=gray\n";
    for (const Json& task : stream.at("tasks")) {
      const std::string node = NodeName(id, task.at("id").get<uint64_t>());
      *dot += node + " [label=" + Quoted(Label(task)) + " " + Style(task) + "]\n";
      for (const Json& before : task.at("after")) {
        edges += NodeName(id, before.get<uint64_t>()) + " -> " + node + "\n";
      }
      for (const Json& body : task.value("bodies", Json::array())) {
        edges += node + " -> start_" + std::to_string(body.get<uint64_t>()) + " [style=dotted]\n";
      }
    }
    *dot += "}\n";
  }
  *dot += "}\n" + edges;
}

// As text for dot. Throws nlohmann's exceptions.
std::string AsDot(std::istream& input) {
  const Json json = Json::parse(input);
  std::string dot =
      "digraph model {\nnode [shape=box fontname=Helvetica fontsize=10]\n"
      "graph [fontname=Helvetica fontsize=10]\n";
  for (const Json& model : json.at("models")) {
    WriteModel(model, &dot);
  }
  return dot + "}\n";
}

// A dot that ends early must not end vnpu-ctl.
class NoPipeSignal {
 public:
  NoPipeSignal() : before_(std::signal(SIGPIPE, SIG_IGN)) {}
  NoPipeSignal(const NoPipeSignal&) = delete;
  NoPipeSignal& operator=(const NoPipeSignal&) = delete;
  ~NoPipeSignal() { std::signal(SIGPIPE, before_); }

 private:
  void (*before_)(int);
};

// Runs dot with the text as its input.
bool RunDot(const std::string& text, const std::string& output) {
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) {
    std::fprintf(stderr, "vnpu-ctl: pipe: %s\n", std::strerror(errno));
    return false;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[0], STDIN_FILENO);
  std::string name = "dot";
  std::string format = "-Tsvg";
  std::string flag = "-o";
  std::string file = output;
  const std::array<char*, 5> arguments{name.data(), format.data(),
                                       file.empty() ? nullptr : flag.data(),
                                       file.empty() ? nullptr : file.data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, "dot", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[0]);
  if (error != 0) {
    close(pipe_ends[1]);
    std::fprintf(stderr, "vnpu-ctl: cannot run dot: %s%s\n", std::strerror(error),
                 error == ENOENT ? "; install graphviz" : "");
    return false;
  }
  const NoPipeSignal no_signal;
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = write(pipe_ends[1], text.data() + written, text.size() - written);
    if (count < 0 && errno != EINTR) {
      break;
    }
    written += count > 0 ? static_cast<size_t>(count) : 0;
  }
  close(pipe_ends[1]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::fprintf(stderr, "vnpu-ctl: dot failed%s\n",
                 WIFEXITED(status) && WEXITSTATUS(status) == 127
                     ? ": it is not there; install graphviz"
                     : "");
    return false;
  }
  return true;
}

}  // namespace

bool DrawGraph(const std::string& input, const std::string& output) {
  std::ifstream file(input);
  if (!file) {
    std::fprintf(stderr, "vnpu-ctl: cannot read '%s': %s\n", input.c_str(), std::strerror(errno));
    return false;
  }
  std::string dot;
  try {
    dot = AsDot(file);
  } catch (const nlohmann::json::exception& error) {
    std::fprintf(stderr, "vnpu-ctl: '%s' is not what aclmdlRIDebugJsonPrint writes: %s\n",
                 input.c_str(), error.what());
    return false;
  }
  return RunDot(dot, output);
}

}  // namespace vnpu::tools
