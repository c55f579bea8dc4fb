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
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

namespace vnpu::tools {
namespace {

using Json = nlohmann::json;

constexpr const char* kInstall =
    ", which draws the picture and is not there: install graphviz (apt-get install graphviz)";

// A text for dot, in quotes.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '\n') {
      quoted += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  return quoted + '"';
}

uint64_t IdOf(const Json& object) { return object.at("id").get<uint64_t>(); }

std::string NodeName(uint64_t model, uint64_t task) {
  return "m" + std::to_string(model) + "_" + std::to_string(task);
}

// The task without its number; tasks with the same text look the same.
std::string Text(const Json& task) {
  const std::string type = task.value("type", "task");
  if (type == "kernel") {
    return task.value("kernel", "kernel") + " x " +
           std::to_string(task.value("blocks", uint64_t{1}));
  }
  return type == "condition" ? task.value("condition", type) : type;
}

const char* Style(const Json& task) {
  const std::string type = task.value("type", "task");
  if (task.value("disabled", false)) {
    return "style=dashed fontcolor=gray";
  }
  if (type == "kernel") {
    return "style=filled fillcolor=\"#cfe2f3\"";
  }
  if (type == "condition" || type.starts_with("switch") || type == "active stream") {
    return "shape=hexagon margin=0.03 style=filled fillcolor=\"#fff2cc\"";
  }
  if (type == "host function") {
    return "style=filled fillcolor=\"#d9ead3\"";
  }
  if (type == "model") {
    return "shape=box3d style=filled fillcolor=\"#ead1dc\"";
  }
  if (type.find("event") != std::string::npos) {
    return "shape=ellipse height=0.3 margin=0.03 fontsize=9 color=gray fontcolor=gray30";
  }
  return type == "label" ? "shape=note" : "";
}

// What the arrow to the body with this number says.
std::string BodyName(const Json& task, size_t number, size_t bodies) {
  const std::string condition = task.value("condition", "");
  if (condition == "if" && bodies == 2) {
    return number == 0 ? "then" : "else";
  }
  return condition == "switch" ? std::to_string(number) : "";
}

// Models as a text for dot. Throws nlohmann's exceptions.
class Picture {
 public:
  explicit Picture(const Json& models) {
    for (const Json& model : models) {
      for (const Json& stream : model.at("streams")) {
        NoteTasks(IdOf(model), stream.at("tasks"));
      }
    }
    text_ =
        "digraph model {\nnode [shape=box fontname=Helvetica fontsize=10 height=0.35]\n"
        "edge [fontname=Helvetica fontsize=9 arrowsize=0.7]\n"
        "graph [fontname=Helvetica fontsize=11 compound=true nodesep=0.3 ranksep=0.3]\n";
    for (const Json& model : models) {
      WriteModel(model);
    }
    text_ += edges_ + "}\n";
  }

  std::string Take() && { return std::move(text_); }

 private:
  using TaskOf = std::pair<uint64_t, uint64_t>;  // model, task

  // Finds what others point at: those tasks are drawn by themselves.
  void NoteTasks(uint64_t model, const Json& tasks) {
    for (size_t i = 0; i < tasks.size(); ++i) {
      for (const Json& before : tasks[i].at("after")) {
        if (i == 0 || before.get<uint64_t>() != IdOf(tasks[i - 1])) {
          named_.emplace(model, before.get<uint64_t>());
        }
      }
      for (const Json& label : tasks[i].value("labels", Json::array())) {
        named_.emplace(model, label.get<uint64_t>());
      }
      for (const Json& body : tasks[i].value("bodies", Json::array())) {
        inside_[body.get<uint64_t>()] = tasks[i].at("type") == "model" ? "model" : "body";
      }
    }
  }

  // A stream is a cluster in that of its model.
  void WriteModel(const Json& model) {
    const uint64_t id = IdOf(model);
    const std::string name = model.value("name", "");
    const auto inside = inside_.find(id);
    const std::string kind = inside != inside_.end() ? inside->second : "model";
    text_ += "subgraph cluster_" + std::to_string(id) + " {\nlabel=" +
             Quoted(kind + " " + std::to_string(id) + (name.empty() ? "" : " " + name)) + "\n";
    text_ += Start(id) + " [shape=point width=0.1 height=0.1]\n";
    for (const Json& stream : model.at("streams")) {
      text_ += "subgraph cluster_" + std::to_string(id) + "_" + std::to_string(IdOf(stream)) +
               " {\nlabel=" + Quoted("stream " + std::to_string(IdOf(stream))) +
               " labeljust=l color=gray fontcolor=gray30 fontsize=9\n";
      WriteTasks(model, stream);
      text_ += "}\n";
    }
    text_ += "}\n";
  }

  void WriteTasks(const Json& model, const Json& stream) {
    const uint64_t id = IdOf(model);
    const Json& tasks = stream.at("tasks");
    for (size_t first = 0; first < tasks.size();) {
      const size_t count = EqualTasks(id, tasks, first);
      const Json& task = tasks[first];
      const std::string node = NodeName(id, IdOf(task));
      const std::string label = count == 1
                                    ? std::to_string(IdOf(task)) + ": " + Text(task)
                                    : std::to_string(IdOf(task)) + " - " +
                                          std::to_string(IdOf(tasks[first + count - 1])) + ": " +
                                          Text(task) + "\n" + std::to_string(count) + " tasks";
      text_ += node + " [label=" + Quoted(label) + " " + Style(task) + "]\n";
      WriteOrder(id, tasks, first, stream.value("starts", true));
      WriteTargets(model, task, node);
      drawn_last_ = node;
      first += count;
    }
  }

  // How many tasks in a row look the same and are pointed at by nobody.
  size_t EqualTasks(uint64_t model, const Json& tasks, size_t first) const {
    const auto plain = [&](const Json& task) {
      return task.at("after").size() <= 1 && !task.contains("bodies") && !task.contains("stream") &&
             !task.contains("labels") && !named_.contains({model, IdOf(task)});
    };
    constexpr size_t kLeast = 4;
    size_t end = first + 1;
    while (end < tasks.size() && plain(tasks[end - 1]) && plain(tasks[end]) &&
           Text(tasks[end]) == Text(tasks[first]) &&
           tasks[end].value("disabled", false) == tasks[first].value("disabled", false)) {
      ++end;
    }
    return end - first >= kLeast ? end - first : 1;
  }

  // The arrows that lead to a task.
  void WriteOrder(uint64_t model, const Json& tasks, size_t index, bool starts) {
    const Json& task = tasks[index];
    const std::string node = NodeName(model, IdOf(task));
    if (index == 0 && starts && task.at("after").empty()) {
      edges_ += Start(model) + " -> " + node + "\n";
    }
    for (const Json& before : task.at("after")) {
      const auto other = before.get<uint64_t>();
      const bool own = index > 0 && other == IdOf(tasks[index - 1]);
      edges_ += (own ? drawn_last_ : NodeName(model, other)) + " -> " + node +
                (own ? " [weight=10]\n" : " [color=\"#3d6fa5\"]\n");
    }
  }

  // The arrows to what a task starts.
  void WriteTargets(const Json& model, const Json& task, const std::string& node) {
    const uint64_t id = IdOf(model);
    const Json bodies = task.value("bodies", Json::array());
    for (size_t i = 0; i < bodies.size(); ++i) {
      const auto body = bodies[i].get<uint64_t>();
      edges_ += node + " -> " + Start(body) + " [style=dashed lhead=cluster_" +
                std::to_string(body) + " label=" + Quoted(BodyName(task, i, bodies.size())) + "]\n";
    }
    const Json labels = task.value("labels", Json::array());
    for (size_t i = 0; i < labels.size(); ++i) {
      edges_ += node + " -> " + NodeName(id, labels[i].get<uint64_t>()) +
                " [style=dashed constraint=false label=" + Quoted(std::to_string(i)) + "]\n";
    }
    if (!task.contains("stream")) {
      return;
    }
    for (const Json& stream : model.at("streams")) {
      if (stream.at("id") == task.at("stream") && !stream.at("tasks").empty()) {
        edges_ += node + " -> " + NodeName(id, IdOf(stream.at("tasks")[0])) + " [style=dashed]\n";
      }
    }
  }

  static std::string Start(uint64_t model) { return "start_" + std::to_string(model); }

  std::set<TaskOf> named_;
  std::map<uint64_t, std::string> inside_;  // models that are parts of others: what they are
  std::string text_;
  std::string edges_;
  std::string drawn_last_;
};

std::string AsDot(std::istream& input) { return Picture(Json::parse(input).at("models")).Take(); }

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
                 error == ENOENT ? kInstall : "");
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
    std::fprintf(
        stderr, "vnpu-ctl: dot failed%s\n",
        WIFEXITED(status) && WEXITSTATUS(status) == 127 ? kInstall : "; what it said stands above");
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
