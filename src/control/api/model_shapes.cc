// Inputs of the operations on models and tags.
#include "control/api/shapes.h"

namespace zeropull::api {

namespace {

constexpr Value kDataTypes[] = {{"S3Prefix"}, {"S3Object"}};
constexpr Shape kDataType = enum_shape(kDataTypes);
constexpr Value kCompressions[] = {{"None"}, {"Gzip"}};
constexpr Shape kCompression = enum_shape(kCompressions);
constexpr Member kDataSourceMembers[] = {
    required_member("S3Uri", kModelUrl),
    required_member("S3DataType", kDataType),
    required_member("CompressionType", kCompression),
    refused_member("ModelAccessConfig", "there are no licences to accept; leave it out"),
    refused_member("HubAccessConfig", "there are no hubs; give S3Uri the place of the files"),
    refused_member("ManifestS3Uri", "manifests are not read; give S3Uri the prefix that holds the files"),
    refused_member("ETag", "the listing's entity tags are taken when the model is deployed"),
    refused_member("ManifestEtag", "manifests are not read"),
};
constexpr Shape kDataSource = structure_shape(kDataSourceMembers);
constexpr Member kModelDataSourceMembers[] = {required_member("S3DataSource", kDataSource)};
constexpr Shape kModelDataSource = structure_shape(kModelDataSourceMembers);

constexpr Value kModes[] = {{"SingleModel"}, {"MultiModel", "a container serves one model; use inference components"}};
constexpr Shape kMode = enum_shape(kModes);
constexpr Member kContainerMembers[] = {
    refused_member("ContainerHostname", "a model has one container, which needs no name"),
    optional_member("Image", kImage),
    refused_member("ImageConfig", "the credentials of registries belong to the account in the server's configuration"),
    optional_member("Mode", kMode),
    optional_member("ModelDataUrl", kModelUrl),
    optional_member("ModelDataSource", kModelDataSource),
    refused_member("AdditionalModelDataSources", "a container has one model; put its files below one prefix"),
    optional_member("Environment", kEnvironment),
    refused_member("ModelPackageName", "there is no model registry; give Image and ModelDataSource"),
    refused_member("InferenceSpecificationName", "there is no model registry; give Image and ModelDataSource"),
    refused_member("MultiModelConfig", "a container serves one model; use inference components"),
    optional_member("ContainerMetricsConfig", kContainerMetrics),
};
constexpr Shape kContainer = structure_shape(kContainerMembers);

constexpr Member kCreateModelMembers[] = {
    required_member("ModelName", kModelName),
    optional_member("PrimaryContainer", kContainer),
    refused_member("Containers", "a model has one container; use PrimaryContainer"),
    refused_member("InferenceExecutionConfig", "a model has one container"),
    optional_member("ExecutionRoleArn", kRoleArn),
    optional_member("Tags", kTagList),
    refused_member("VpcConfig", "there are no virtual private clouds; the operator decides what copies reach"),
    optional_member("EnableNetworkIsolation", kBoolean),
};
constexpr Shape kCreateModel = structure_shape(kCreateModelMembers);

constexpr Member kModelNameMembers[] = {required_member("ModelName", kModelName)};
constexpr Shape kByModelName = structure_shape(kModelNameMembers);

constexpr Value kSortKeys[] = {{"Name"}, {"CreationTime"}};
constexpr Shape kSortKey = enum_shape(kSortKeys);
constexpr Member kListModelsMembers[] = {
    optional_member("SortBy", kSortKey),
    optional_member("SortOrder", kSortOrder),
    optional_member("NextToken", kNextToken),
    optional_member("MaxResults", kPageSize),
    optional_member("NameContains", kNameContains),
    optional_member("CreationTimeBefore", kTimestamp),
    optional_member("CreationTimeAfter", kTimestamp),
};
constexpr Shape kListModels = structure_shape(kListModelsMembers);

constexpr Shape kResourceArn = string_shape({}, 256, "arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:[0-9]{12}:.+");
constexpr Member kAddTagsMembers[] = {required_member("ResourceArn", kResourceArn), required_member("Tags", kTagList)};
constexpr Shape kAddTags = structure_shape(kAddTagsMembers);
constexpr Shape kTagPageSize = integer_shape(50);
constexpr Member kListTagsMembers[] = {required_member("ResourceArn", kResourceArn), optional_member("NextToken", kNextToken),
                                       optional_member("MaxResults", kTagPageSize)};
constexpr Shape kListTags = structure_shape(kListTagsMembers);
constexpr Shape kTagKeys = list_shape(kTagKey, 1, 50);
constexpr Member kDeleteTagsMembers[] = {required_member("ResourceArn", kResourceArn), required_member("TagKeys", kTagKeys)};
constexpr Shape kDeleteTags = structure_shape(kDeleteTagsMembers);

constexpr Input kModelInputs[] = {
    {"CreateModel", &kCreateModel}, {"DescribeModel", &kByModelName}, {"ListModels", &kListModels},
    {"DeleteModel", &kByModelName}, {"AddTags", &kAddTags},           {"ListTags", &kListTags},
    {"DeleteTags", &kDeleteTags},
};

}  // namespace

std::span<const Input> model_inputs() { return kModelInputs; }

}  // namespace zeropull::api
