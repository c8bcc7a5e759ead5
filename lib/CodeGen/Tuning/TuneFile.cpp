//===- TuneFile.cpp - What was measured, as a file --------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "TuneFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

static constexpr StringLiteral formatName = "secateur-tune";
static constexpr int64_t formatVersion = 1;

static bool isTime(const llvm::json::Value &value) {
  return value.kind() == llvm::json::Value::Null || value.getAsNumber().value_or(-1) > 0;
}

/// Whether forms have candidates, and these times.
static bool areForms(const llvm::json::Object *forms) {
  return forms && llvm::all_of(*forms, [](const auto &form) {
           const llvm::json::Object *times = form.second.getAsObject();
           return times &&
                  llvm::all_of(*times, [](const auto &time) { return isTime(time.second); });
         });
}

static bool isHost(const llvm::json::Object &entry, const TuneHost &host) {
  return entry.getString("cpu") == host.cpu && entry.getString("features") == host.features &&
         entry.getInteger("threads") == host.threads &&
         entry.getInteger("optimization") == host.optimization;
}

FailureOr<TuneFile> TuneFile::read(StringRef path, const TuneHost &host, EmitError emitError) {
  TuneFile file;
  if (llvm::sys::fs::exists(path)) {
    auto buffer = mapFile(path, emitError);
    if (failed(buffer))
      return failure();
    llvm::Expected<llvm::json::Value> parsed = llvm::json::parse((*buffer)->getBuffer());
    if (!parsed) {
      emitError() << "'" << printable(path)
                  << "' is damaged: " << llvm::toString(parsed.takeError());
      return failure();
    }
    llvm::json::Object *object = parsed->getAsObject();
    if (!object || object->getString("format") != formatName) {
      emitError() << "'" << printable(path) << "' is not a file of --tune";
      return failure();
    }
    if (object->getInteger("version") != formatVersion) {
      emitError() << "'" << printable(path)
                  << "' was written by another version of --tune: begin a new file";
      return failure();
    }
    file.root = std::move(*object);
  } else {
    file.root = llvm::json::Object{
        {"format", formatName}, {"version", formatVersion}, {"hosts", llvm::json::Array()}};
  }
  llvm::json::Array *hosts = file.root.getArray("hosts");
  bool isWhole = hosts && llvm::all_of(*hosts, [](llvm::json::Value &entry) {
                   return entry.getAsObject() && areForms(entry.getAsObject()->getObject("forms"));
                 });
  if (!isWhole) {
    emitError() << "'" << printable(path) << "' is damaged: expected hosts with forms and times";
    return failure();
  }
  for (llvm::json::Value &entry : *hosts)
    if (isHost(*entry.getAsObject(), host))
      file.forms = entry.getAsObject()->getObject("forms");
  if (!file.forms) {
    hosts->push_back(llvm::json::Object{{"cpu", host.cpu},
                                        {"features", host.features},
                                        {"threads", host.threads},
                                        {"optimization", host.optimization},
                                        {"forms", llvm::json::Object()}});
    file.forms = hosts->back().getAsObject()->getObject("forms");
  }
  return file;
}

LogicalResult TuneFile::write(StringRef path, EmitError emitError) const {
  FailureOr<OutputFile> file = OutputFile::open(path, emitError);
  if (failed(file))
    return failure();
  file->os() << llvm::formatv("{0:2}", llvm::json::Value(llvm::json::Object(root))) << "\n";
  return file->commit(emitError);
}

const CandidateTimes *TuneFile::find(StringRef form) const { return forms->getObject(form); }

void TuneFile::set(StringRef form, CandidateTimes times) { (*forms)[form] = std::move(times); }
