"""What is deployed: the template, the package, the privileges, and the way there and back."""
