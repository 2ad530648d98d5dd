"""What any Python function on S3 and Pillow must import: boto3, an S3 client, Pillow."""

import boto3
from PIL import Image

boto3.client("s3", region_name="eu-central-1")
Image.new("RGB", (1, 1))
