#include "cli/directory.h"

#include <utility>

#include "cli/aws_settings.h"
#include "cli/command.h"

namespace sluice::cli {
namespace {

Error elsewhere(const std::string& what, const std::string& data_dir) {
  return Error(Code::kInvalid,
               "the directory keeps its tables in " + what +
                   "; leave out --tables, or name another data directory",
               data_dir);
}

/// What the options name is what the directory was made with.
Status check_same(const BucketOptions& wanted, const std::optional<S3Place>& found,
                  const std::string& data_dir) {
  if (!wanted.place) return ok();
  if (!found) return elsewhere("its own tables/", data_dir);
  const bool is_same = wanted.place->bucket == found->bucket &&
                       wanted.place->prefix == found->prefix &&
                       (wanted.endpoint.empty() || wanted.endpoint == found->endpoint) &&
                       (wanted.region.empty() || wanted.region == found->region);
  if (is_same) return ok();
  return elsewhere(to_s3_uri(*found) + (found->endpoint.empty() ? "" : " at " + found->endpoint) +
                       ", region " + found->region,
                   data_dir);
}

/// Of a directory that is to be made.
std::optional<S3Place> place_of(const BucketOptions& tables, const AwsSettings& settings) {
  S3Place place = *tables.place;
  place.endpoint = tables.endpoint.empty() ? settings.endpoint : tables.endpoint;
  const std::string& region = tables.region.empty() ? settings.region : tables.region;
  if (!region.empty()) place.region = region;
  return place;
}

}  // namespace

void add_tables(CLI::App& command, BucketOptions& tables) {
  CLI::Option* place =
      command
          .add_option("--tables",
                      "A new data directory keeps its tables here (s3://BUCKET/PREFIX), and only "
                      "the log in itself; later commands find them")
          ->each(read_into(tables.place, [](const std::string& uri) { return parse_s3_uri(uri); }))
          ->type_name("URI");
  command
      .add_option("--endpoint", tables.endpoint,
                  "The store of --tables (https://HOST:PORT), if it is not AWS; "
                  "AWS_ENDPOINT_URL says the same")
      ->type_name("URL")
      ->needs(place);
  command.add_option("--region", tables.region, "The region of --tables; else AWS_REGION")
      ->type_name("REGION")
      ->needs(place);
}

Result<std::unique_ptr<OwnedPlatform>> open_directory(const std::string& data_dir, DirectoryUse use,
                                                      const BucketOptions& tables) {
  const auto found = tables_place(data_dir);
  const bool is_new = !found.ok() && found.error().code() == Code::kNotFound;
  // What else is wrong with the directory, the platform says better.
  std::optional<S3Place> place = found.ok() ? *found : std::nullopt;
  if (found.ok()) TRY(check_same(tables, place, data_dir));
  if (!found.ok() && found.error().code() == Code::kCorrupt) return found.error();
  if (!place && (!is_new || !tables.place)) return open_local_platform(data_dir, use);
  const AwsSettings settings = TRY(find_aws_settings());
  if (!place) place = place_of(tables, settings);
  S3Options options;
  options.place = *std::move(place);
  options.credentials = settings.credentials;
  options.ca_file = settings.ca_file;
  return open_s3_platform(data_dir, use, options);
}

}  // namespace sluice::cli
