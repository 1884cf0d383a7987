// The user's AWS settings, found where AWS's own tools find them.
//
// First the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION
// or AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_CA_BUNDLE. Then the files
// ~/.aws/credentials and ~/.aws/config (or AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE): of the
// profile AWS_PROFILE, or `default`, the lines aws_access_key_id, aws_secret_access_key,
// aws_session_token, region, endpoint_url, ca_bundle.
#pragma once

#include <string>

#include "sluice/result.h"
#include "sluice/s3.h"

namespace sluice::cli {

struct AwsSettings {
  S3Credentials credentials;
  std::string region;
  std::string endpoint;
  std::string ca_file;
};

/// kInvalid: there are no credentials, or only half of them.
Result<AwsSettings> find_aws_settings();

}  // namespace sluice::cli
