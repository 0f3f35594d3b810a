"""fill.py URL FOLDER: puts every file FOLDER/BUCKET/KEY into the bucket of an S3 server, large ones in parts, with boto3."""

import sys
from pathlib import Path

import boto3
from boto3.s3.transfer import TransferConfig

PART = 5 << 20  # the least that S3 takes


def main(url: str, folder: Path) -> None:
    s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    transfer = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    for bucket in folder.iterdir():
        s3.create_bucket(Bucket=bucket.name)
        for path in bucket.rglob("*"):
            if path.is_file():
                s3.upload_file(str(path), bucket.name, str(path.relative_to(bucket)), Config=transfer)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
