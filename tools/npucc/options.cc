#include "tools/npucc/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

namespace vnpu::npucc {
namespace {

template <std::size_t N>
bool Contains(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

template <std::size_t N>
bool HasPrefix(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::ranges::any_of(list, [&](std::string_view p) { return word.starts_with(p); });
}

// Options of the compilers whose value is the next word.
bool TakesValue(std::string_view word) {
  constexpr std::array<std::string_view, 22> kWithValue = {
      "-I",       "-D",       "-U",        "-isystem",  "-iquote",     "-idirafter",
      "-include", "-imacros", "-isysroot", "-L",        "-l",          "-Xlinker",
      "-T",       "-u",       "-z",        "-B",        "-Xassembler", "-Xpreprocessor",
      "-target",  "-A",       "-e",        "-framework"};
  return Contains(kWithValue, word);
}

bool IsLinkOption(std::string_view word) {
  constexpr std::array<std::string_view, 10> kExact = {
      "-shared",     "-static",   "-rdynamic",      "-s",           "-pie", "-no-pie",
      "-static-pie", "-nostdlib", "-nodefaultlibs", "-nostartfiles"};
  constexpr std::array<std::string_view, 9> kPrefix = {"-l", "-L", "-Wl,",      "-Xlinker",   "-T",
                                                       "-u", "-z", "-fuse-ld=", "-static-lib"};
  return Contains(kExact, word) || HasPrefix(kPrefix, word);
}

// Options that would instrument device code or tie it to the host.
bool IsHostOnly(std::string_view word) {
  constexpr std::array<std::string_view, 26> kPrefix = {
      "-fsanitize",    "-fno-sanitize", "-fprofile", "-fno-profile",    "-fcoverage",
      "-ftest-cov",    "--coverage",    "-flto",     "-fno-lto",        "-fPI",
      "-fpi",          "-fno-pi",       "-fno-PI",   "-fvisibility",    "-fstack-protector",
      "-fstack-clash", "-fsplit-stack", "-fopenmp",  "-fcf-protection", "-ftrapv",
      "-finstrument",  "-pg",           "-pthread",  "-fwhole-program", "-fplt",
      "-fpatchable"};
  constexpr std::array<std::string_view, 5> kMore = {"-Wa,", "-save-temps", "-fxray", "-ftls-model",
                                                     "-mcmodel"};
  return HasPrefix(kPrefix, word) || HasPrefix(kMore, word);
}

void CheckStandard(std::string_view word) {
  constexpr std::array<std::string_view, 12> kOld = {
      "-std=c++98",   "-std=c++03",   "-std=c++0x",   "-std=c++11",
      "-std=c++1y",   "-std=c++14",   "-std=gnu++98", "-std=gnu++03",
      "-std=gnu++0x", "-std=gnu++11", "-std=gnu++1y", "-std=gnu++14"};
  if (Contains(kOld, word)) {
    throw UsageError{"kernels need C++17 or later, not " + std::string(word)};
  }
}

class Classifier {
 public:
  Classifier(const Words& words, Options* options) : words_(words), options_(options) {}

  void Run() {
    for (at_ = 0; at_ < words_.size(); ++at_) One(words_[at_]);
    if (standard_) return;
    // clang 14 would start with C++14.
    options_->host_flags.insert(options_->host_flags.begin(), "-std=gnu++17");
    options_->device_flags.insert(options_->device_flags.begin(), "-std=gnu++17");
  }

 private:
  std::string Value(std::string_view option) {
    if (at_ + 1 >= words_.size()) {
      throw UsageError{"a value is missing after " + std::string(option)};
    }
    return words_[++at_];
  }

  void One(const std::string& word) {
    if (word == "-" || word.empty() || word[0] != '-') return Input(word);
    if (word == "-c") {
      options_->mode = Mode::kCompile;
    } else if (word.starts_with("-o")) {
      options_->output = word.size() > 2 ? word.substr(2) : Value(word);
    } else if (word.starts_with("-M")) {
      Dependency(word);
    } else if (word == "-E" || word == "-S" || word == "-fsyntax-only") {
      throw UsageError{word +
                       " is not supported: npucc makes objects (-c), images (--device) and "
                       "programs"};
    } else if (word.starts_with("-x")) {
      const std::string language = word.size() > 2 ? word.substr(2) : Value(word);
      if (language != "c++" && language != "none" && language != "asc") {
        throw UsageError{"kernels are C++; '-x " + language + "' is not supported"};
      }
      cxx_ = language != "none";
    } else {
      Option(word);
    }
  }

  void Input(const std::string& word) {
    if (word == "-") throw UsageError{"npucc cannot compile standard input"};
    if (cxx_ || IsSource(word)) options_->sources.push_back(word);
    options_->link_inputs.push_back(word);
  }

  void Option(const std::string& word) {
    Words group = {word};
    if (TakesValue(word)) group.push_back(Value(word));
    if (IsLinkOption(word)) return Append(group, &options_->link_inputs);
    CheckStandard(word);
    if (word.starts_with("-std=")) standard_ = true;
    if (word.starts_with("-g") && !word.starts_with("-gcc")) options_->debug_info = word != "-g0";
    Append(group, &options_->host_flags);
    if (!IsHostOnly(word)) Append(group, &options_->device_flags);
    // Such as -fsanitize, -pthread and -m32, which matter to the link as well.
    if (!word.starts_with("-I") && !word.starts_with("-D") && !word.starts_with("-i") &&
        !word.starts_with("-U") && !word.starts_with("-W")) {
      Append(group, &options_->link_inputs);
    }
  }

  static void Append(const Words& group, Words* to) {
    to->insert(to->end(), group.begin(), group.end());
  }

  void Dependency(const std::string& word) {
    DependencyOptions& dependencies = options_->dependencies;
    if (word == "-MD" || word == "-MMD") {
      dependencies.enabled = true;
      dependencies.system_headers = word == "-MD";
    } else if (word == "-MP") {
      dependencies.phony = true;
    } else if (word.starts_with("-MF")) {
      dependencies.file = word.size() > 3 ? word.substr(3) : Value(word);
    } else if (word.starts_with("-MT") || word.starts_with("-MQ")) {
      std::string target = word.size() > 3 ? word.substr(3) : Value(word);
      if (word.starts_with("-MQ")) target = QuoteForMake(target);
      dependencies.targets.push_back(std::move(target));
    } else {
      throw UsageError{word + " is not supported; use -MD or -MMD with -MF, -MT, -MQ, -MP"};
    }
  }

  static std::string QuoteForMake(const std::string& text) {
    std::string quoted;
    for (const char c : text) {
      if (c == ' ' || c == '#') quoted += '\\';
      if (c == '$') quoted += '$';
      quoted += c;
    }
    return quoted;
  }

  const Words& words_;
  Options* options_;
  std::size_t at_ = 0;
  bool cxx_ = false;
  bool standard_ = false;
};

constexpr const char* kDescription =
    "Compiles kernels, functions marked __global__ __aicore__, for the virtual NPU.\n\n"
    "  npucc --device k.cpp -o k.npu             a device image\n"
    "  npucc -c k.cpp -o k.o                     a host object with the image inside; its host "
    "code\n"
    "                                            may launch kernel<<<blockDim, l2ctrl, "
    "stream>>>(...)\n"
    "  npucc main.cpp k.o -o program -lacl_rt    a program\n";
constexpr const char* kFooter =
    "Options of the compiler beneath are passed on: -I -D -U -include -std -O -W -g -f -m -M, and\n"
    "-l -L -Wl, -shared to the link. Sanitizers and other instrumentation reach host code alone.";

// Options of npucc itself; everything else is the compiler's.
Words SplitOwnWords(std::span<char*> argv, Words* rest) {
  constexpr std::array<std::string_view, 9> kOwn = {"--device",  "--list-imports", "--entries",
                                                    "--keep",    "--compiler",     "--help",
                                                    "--version", "--verbose",      "-v"};
  Words own;
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const std::string word = argv[i];
    const std::string name = word.substr(0, word.find('='));
    if (name != "-h" && !Contains(kOwn, name)) {
      rest->push_back(word);
      continue;
    }
    own.push_back(word);
    const bool value = name == "--entries" || name == "--compiler" || name == "--keep";
    if (value && name == word && i + 1 < argv.size()) own.emplace_back(argv[++i]);
  }
  return own;
}

}  // namespace

bool IsSource(const std::string& path) {
  constexpr std::array<std::string_view, 8> kSuffixes = {".cpp", ".cc", ".cxx", ".c++",
                                                         ".C",   ".cp", ".asc", ".aicpu"};
  return Contains(kSuffixes, std::filesystem::path(path).extension().string());
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  bool device = false;
  bool list_imports = false;
  CLI::App app(kDescription, "npucc file...");
  app.footer(kFooter);
  app.add_flag("--device", device, "Make a device image of one source");
  app.add_flag("--list-imports", list_imports, "Print the functions that kernels may call");
  app.add_option("--entries", options.entries, "Print the kernels and variables of an image")
      ->type_name("IMAGE");
  app.add_option("--compiler", options.compiler, "Compiler beneath: g++ (default) or clang++")
      ->envname("NPUCC_COMPILER")
      ->type_name("COMMAND");
  app.add_option("--keep", options.keep, "Keep intermediate files in this directory")
      ->type_name("DIRECTORY");
  app.add_flag("-v,--verbose", options.verbose, "Print the commands that are run");
  app.set_version_flag("--version", std::string("npucc ") + NPUCC_VERSION);
  Words rest;
  Words own = SplitOwnWords(std::span(argv, static_cast<std::size_t>(argc)), &rest);
  std::ranges::reverse(own);
  try {
    app.parse(own);
  } catch (const CLI::ParseError& error) {
    throw Exit{app.exit(error) == 0 ? 0 : 1};
  }

  if (options.compiler.empty()) options.compiler = "g++";
  Classifier(rest, &options).Run();
  if (list_imports) options.mode = Mode::kListImports;
  if (!options.entries.empty()) options.mode = Mode::kEntries;
  if (device) {
    if (options.mode == Mode::kCompile) throw UsageError{"--device and -c exclude each other"};
    options.mode = Mode::kDevice;
  }
  return options;
}

}  // namespace vnpu::npucc
