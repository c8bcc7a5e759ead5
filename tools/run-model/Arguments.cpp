//===- Arguments.cpp - Command line of run-model ----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "RunModel.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

using namespace secateur::run;

static const char usage[] =
    R"(Runs a model that compile-model has compiled to a shared library.

usage: run-model MODEL.so [options]

  --input NAME=FILE.npy  value of an input (repeat for several)
  --random               random values for the inputs that have none
  --seed N               of the random values (default 0)
  --shape NAME=DIMS      shape of a random input with free dimensions, as 1x3x224x224
  --output DIR           write each output to DIR/<name>.npy
  --threads N            threads to run with (default: one a physical core)
  --weights FILE         weights file, where it does not lie beside the library
  --benchmark            time the model; random values where none are given
  --profile              time by node of the model; random values where none are given
  --json                 print the times, or the profile, as one JSON object
  --runs N               runs to time or profile (default: as many as take 2 seconds)
  --min-time SECONDS     least time to run (default 2)
  --info                 print inputs, outputs and properties, and do not run
  --help, --version
)";

void secateur::run::fail(const std::string &message) {
  std::fprintf(stderr, "run-model: error: %s\n", message.c_str());
  std::exit(1);
}

static long long parseNumber(const std::string &option, const std::string &text, long long least,
                             long long most) {
  char *end = nullptr;
  errno = 0;
  long long value = std::strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end || errno || value < least || value > most)
    fail(option + " needs a number from " + std::to_string(least) + " to " + std::to_string(most) +
         ", not '" + text + "'");
  return value;
}

/// Splits NAME=REST: a shape at the last '=', as a name may have one; a file at the
/// first, as a path may have one.
static std::pair<std::string, std::string> splitName(const std::string &option,
                                                     const std::string &text) {
  size_t equals = option == "--shape" ? text.rfind('=') : text.find('=');
  if (equals == std::string::npos || equals == 0)
    fail(option + " needs NAME=VALUE, not '" + text + "'");
  return {text.substr(0, equals), text.substr(equals + 1)};
}

static std::vector<int64_t> parseShape(const std::string &text) {
  std::vector<int64_t> shape;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find_first_of("x,", begin), text.size());
    shape.push_back(parseNumber("--shape", text.substr(begin, end - begin), 0, INT64_MAX));
    begin = end + 1;
  }
  if (shape.size() > SECATEUR_MAX_RANK)
    fail("--shape: more than " + std::to_string(SECATEUR_MAX_RANK) + " dimensions");
  return shape;
}

/// Acts on an option with a value; false when there is none of that name.
static bool takeOption(Arguments &arguments, const std::string &option, const std::string &value) {
  if (option == "--input") {
    auto [name, file] = splitName(option, value);
    if (!arguments.inputs.emplace(name, file).second)
      fail("input '" + name + "' is given twice");
  } else if (option == "--shape") {
    auto [name, shape] = splitName(option, value);
    arguments.shapes[name] = parseShape(shape);
  } else if (option == "--seed") {
    arguments.seed = parseNumber(option, value, 0, INT64_MAX);
  } else if (option == "--output") {
    arguments.outputFolder = value;
  } else if (option == "--weights") {
    arguments.weights = value;
  } else if (option == "--threads") {
    arguments.threads = static_cast<int>(parseNumber(option, value, 0, 1024));
  } else if (option == "--runs") {
    arguments.runs = static_cast<int>(parseNumber(option, value, 1, 1000000000));
  } else if (option == "--min-time") {
    char *end = nullptr;
    arguments.minSeconds = std::strtod(value.c_str(), &end);
    if (value.empty() || *end || !(arguments.minSeconds >= 0 && arguments.minSeconds < 1e6))
      fail("--min-time needs seconds, not '" + value + "'");
  } else {
    return false;
  }
  return true;
}

static bool takeFlag(Arguments &arguments, const std::string &flag) {
  if (flag == "--random")
    arguments.random = true;
  else if (flag == "--benchmark")
    arguments.benchmark = true;
  else if (flag == "--profile")
    arguments.profile = true;
  else if (flag == "--json")
    arguments.json = true;
  else if (flag == "--info")
    arguments.info = true;
  else
    return false;
  return true;
}

Arguments secateur::run::parseArguments(int argc, char **argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      std::fputs(usage, stdout);
      std::exit(0);
    }
    if (argument == "--version") {
      std::puts("run-model " SECATEUR_VERSION);
      std::exit(0);
    }
    if (argument.rfind("--", 0) != 0) {
      if (!arguments.library.empty())
        fail("more than one library: '" + arguments.library + "' and '" + argument + "'");
      arguments.library = argument;
      continue;
    }
    if (takeFlag(arguments, argument))
      continue;
    // --option=value or --option value; a name in the value may contain '='.
    size_t equals = argument.find('=');
    std::string option = argument.substr(0, equals);
    bool joined = equals != std::string::npos;
    if (!joined && i + 1 >= argc)
      fail("unknown option, or value missing: '" + argument + "' (see --help)");
    std::string value = joined ? argument.substr(equals + 1) : argv[i + 1];
    if (!takeOption(arguments, option, value))
      fail("unknown option '" + argument + "' (see --help)");
    i += !joined;
  }
  if (arguments.library.empty())
    fail("no library given (see --help)");
  if (arguments.json && !arguments.benchmark && !arguments.profile)
    fail("--json needs --benchmark or --profile");
  if (arguments.benchmark && arguments.profile)
    fail("--benchmark and --profile exclude one another");
  return arguments;
}
